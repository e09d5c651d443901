//! Deletes expired rows, some at each insert.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{Fault, Timestamp};

use crate::error::fault;

/// Deletes at most `most` rows of a table that expired at this time or earlier, the oldest first. Skips rows that another
/// transaction is deleting. The table has an index of its column `expires_at`.
pub(crate) async fn sweep(
    connection: &mut AsyncPgConnection,
    table: &'static str,
    at: Timestamp,
    most: i64,
) -> Result<(), Fault> {
    Sweep { table, at, most }.execute(connection).await.map_err(fault)?;
    Ok(())
}

/// The text differs by table, so it names the prepared statement, and not the type.
struct Sweep {
    table: &'static str,
    at: Timestamp,
    most: i64,
}

impl QueryId for Sweep {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Sweep {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for part in ["DELETE FROM ", self.table, " WHERE ctid = ANY(ARRAY(SELECT ctid FROM ", self.table] {
            out.push_sql(part);
        }
        out.push_sql(" WHERE expires_at <= ");
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(" ORDER BY expires_at LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(" FOR UPDATE SKIP LOCKED))");
        Ok(())
    }
}
