//! Keeping the log short.

use std::time::Duration;

use diesel::{
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::BigInt,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::Fault;

use crate::{error::fault, value::millis};

pub(super) async fn prune(connection: &mut AsyncPgConnection, age: Duration, most: u32) -> Result<u32, Fault> {
    let prune = Prune { age: millis(age), most: most.into() };
    let gone = prune.execute(connection).await.map_err(fault)?;
    Ok(u32::try_from(gone).unwrap_or(u32::MAX))
}

/// Deletes old ones among the first records. Records are in the order of their age.
#[derive(QueryId)]
struct Prune {
    age: i64,
    most: i64,
}

impl QueryFragment<Pg> for Prune {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "DELETE FROM event_log WHERE number = ANY(ARRAY(
                SELECT number FROM event_log WHERE number IS NOT NULL ORDER BY number LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(")) AND numbered_at < now() - ");
        out.push_bind_param::<BigInt, _>(&self.age)?;
        out.push_sql(" * interval '1 millisecond'");
        Ok(())
    }
}
