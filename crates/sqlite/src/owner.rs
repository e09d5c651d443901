//! The owner of something to be inserted.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, dsl::exists, select};
use entrepot_domain::Fault;

use crate::{error::fault, schema::users, value::Id};

/// Refuses to insert `what` for a user who does not exist. The row of an erased user remains, so the foreign key would
/// accept it.
pub(crate) fn must_exist(connection: &mut SqliteConnection, user: Id, what: &str) -> Result<(), Fault> {
    let owner = users::table.filter(users::id.eq(user)).filter(users::erased_at.is_null());
    if select(exists(owner)).get_result(connection).map_err(fault)? {
        return Ok(());
    }
    Err(Fault::unknown(anyhow::anyhow!("{what} of user {}, who does not exist", user.0)))
}
