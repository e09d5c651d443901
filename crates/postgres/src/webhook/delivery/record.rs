//! Writing what came of attempts.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault,
    audit::Cause,
    webhook::{DeliveryStatus, NextStep, Recorded},
};
use uuid::Uuid;

use super::row::{add_attempt, millis};
use crate::{
    audit,
    error::fault,
    job::enqueue,
    schema::webhook_deliveries,
    webhook::{
        row::{find, lock},
        write::overwrite,
    },
};

/// Ends a lease.
#[derive(QueryId)]
struct Settle {
    id: Uuid,
    status: &'static str,
    attempts: String,
    failures: i64,
    /// In how many milliseconds the next attempt is.
    after: Option<i64>,
}

impl QueryFragment<Pg> for Settle {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE webhook_deliveries SET lease_until = NULL, status = ");
        out.push_bind_param::<Text, _>(self.status)?;
        out.push_sql(", attempts = ");
        out.push_bind_param::<Text, _>(&self.attempts)?;
        out.push_sql(", failures = ");
        out.push_bind_param::<BigInt, _>(&self.failures)?;
        out.push_sql(", next_attempt_at = date_trunc('milliseconds', now() + ");
        out.push_bind_param::<Nullable<BigInt>, _>(&self.after)?;
        out.push_sql(" * interval '1 millisecond') WHERE id = ");
        out.push_bind_param::<SqlUuid, _>(&self.id)
    }
}

pub(super) async fn record(
    connection: &mut AsyncPgConnection,
    recorded: &Recorded,
    cause: &Cause,
) -> Result<bool, Fault> {
    let id = recorded.lease.delivery.0;
    let row = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq(id))
        .filter(webhook_deliveries::fence.eq(recorded.lease.fence))
        .filter(webhook_deliveries::lease_until.is_not_null())
        .select((webhook_deliveries::attempts, webhook_deliveries::failures))
        .for_no_key_update();
    let row: Option<(String, i64)> = row.get_result(connection).await.optional().map_err(fault)?;
    let Some((attempts, failures)) = row else { return Ok(false) };
    let Some(seen) = find(connection, recorded.webhook).await? else { return Ok(false) };
    let (status, failed, after) = match recorded.next {
        NextStep::Succeeded => (DeliveryStatus::Succeeded, 0, None),
        NextStep::Retry { after } => (DeliveryStatus::Pending, 1, Some(millis(after))),
        NextStep::Dead => (DeliveryStatus::Dead, 1, None),
    };
    let attempts = add_attempt(id, &attempts, &recorded.attempt)?;
    let settle = Settle { id, status: status.as_str(), attempts, failures: failures + failed, after };
    settle.execute(connection).await.map_err(fault)?;
    // Most attempts change nothing of the endpoint, and need not wait for each other.
    if seen.attempted(recorded.result, cause.at).is_some() {
        attempted(connection, recorded, cause).await?;
    }
    Ok(true)
}

/// Writes what an attempt means for the endpoint.
async fn attempted(connection: &mut AsyncPgConnection, recorded: &Recorded, cause: &Cause) -> Result<(), Fault> {
    let Some(was) = lock(connection, recorded.webhook).await? else { return Ok(()) };
    let Some(is) = was.attempted(recorded.result, cause.at) else { return Ok(()) };
    overwrite(connection, &is).await?;
    if is.active == was.active {
        return Ok(());
    }
    audit::write(connection, &cause.webhook_deactivated(&was, &is)).await?;
    enqueue(connection, recorded.notice.as_slice()).await.map(drop)
}
