//! The owner of something to be inserted.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{Fault, UserId};
use uuid::Uuid;

use crate::{error::fault, schema::users};

/// Holds off whatever is kept of that user: it waits, and then finds what was changed of them meanwhile.
pub(crate) async fn lock(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    let owner = users::table.filter(users::id.eq(user.0)).select(users::id).for_no_key_update();
    let _: Vec<Uuid> = owner.load(connection).await.map_err(fault)?;
    Ok(())
}

/// Refuses to keep `what` of a user who does not exist. The row of an erased user is still there, so the foreign key
/// would take it. It is locked, so that the user is not erased now, and so that of several things that are kept at once each
/// sees those before it.
pub(crate) async fn must_exist(connection: &mut AsyncPgConnection, user: Uuid, what: &str) -> Result<(), Fault> {
    let owner: Vec<Uuid> = users::table
        .filter(users::id.eq(user))
        .filter(users::erased_at.is_null())
        .select(users::id)
        .for_no_key_update()
        .load(connection)
        .await
        .map_err(fault)?;
    if owner.is_empty() {
        return Err(Fault::unknown(anyhow::anyhow!("{what} of user {user}, who does not exist")));
    }
    Ok(())
}
