//! Forgetting deliveries.

use std::time::Duration;

use diesel::{
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_query,
    sql_types::BigInt,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::Fault;

use super::row::millis;
use crate::error::fault;

/// Deliveries of deleted endpoints.
#[derive(QueryId)]
struct OfDeleted {
    most: i64,
}

impl QueryFragment<Pg> for OfDeleted {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
                SELECT id FROM webhook_deliveries
                WHERE webhook_id = ANY(ARRAY(SELECT id FROM webhooks WHERE deleted_at IS NOT NULL)) LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(" FOR UPDATE SKIP LOCKED))");
        Ok(())
    }
}

/// Deliveries that are old and wait for nothing.
#[derive(QueryId)]
struct Old {
    age: i64,
    most: i64,
}

impl QueryFragment<Pg> for Old {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "DELETE FROM webhook_deliveries WHERE id = ANY(ARRAY(
                SELECT id FROM webhook_deliveries WHERE created_at < now() - ",
        );
        out.push_bind_param::<BigInt, _>(&self.age)?;
        out.push_sql(
            " * interval '1 millisecond' AND (status <> 'pending'
                    OR webhook_id = ANY(ARRAY(SELECT id FROM webhooks WHERE NOT active)))
                ORDER BY created_at LIMIT ",
        );
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(" FOR UPDATE SKIP LOCKED))");
        Ok(())
    }
}

pub(super) async fn prune(connection: &mut AsyncPgConnection, age: Duration, most: u32) -> Result<u32, Fault> {
    let most = i64::from(most);
    let gone = OfDeleted { most }.execute(connection).await.map_err(fault)?;
    let gone = i64::try_from(gone).unwrap_or(i64::MAX);
    let old = Old { age: millis(age), most: most.saturating_sub(gone) };
    let old = old.execute(connection).await.map_err(fault)?;
    // One that is locked gets a delivery at this moment.
    let empty = sql_query(
        "DELETE FROM webhooks WHERE id = ANY(ARRAY(
            SELECT id FROM webhooks WHERE deleted_at IS NOT NULL
                AND NOT EXISTS (SELECT FROM webhook_deliveries WHERE webhook_id = webhooks.id)
            FOR UPDATE SKIP LOCKED))",
    );
    empty.execute(connection).await.map_err(fault)?;
    Ok(u32::try_from(gone.saturating_add(i64::try_from(old).unwrap_or(i64::MAX))).unwrap_or(u32::MAX))
}
