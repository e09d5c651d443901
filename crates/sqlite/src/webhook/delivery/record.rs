//! Writing what came of attempts.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, update};
use entrepot_domain::{
    Fault,
    audit::Cause,
    webhook::{DeliveryStatus, NextStep, Recorded, Webhook},
};

use super::row::{add_attempt, millis, now};
use crate::{
    audit,
    error::fault,
    job::enqueue,
    schema::webhook_deliveries,
    value::Id,
    webhook::{row::find, write::overwrite},
};

pub(super) fn record(connection: &mut SqliteConnection, recorded: &Recorded, cause: &Cause) -> Result<bool, Fault> {
    let Some(webhook) = find(connection, recorded.webhook)? else { return Ok(false) };
    let id = Id(recorded.lease.delivery.0);
    let held = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq(id))
        .filter(webhook_deliveries::fence.eq(recorded.lease.fence))
        .filter(webhook_deliveries::lease_until.is_not_null());
    let row = held.select((webhook_deliveries::attempts, webhook_deliveries::failures));
    let row: Option<(String, i64)> = row.get_result(connection).optional().map_err(fault)?;
    let Some((attempts, failures)) = row else { return Ok(false) };
    let (status, failed, next) = match recorded.next {
        NextStep::Succeeded => (DeliveryStatus::Succeeded, 0, None),
        NextStep::Retry { after } => (DeliveryStatus::Pending, 1, Some(now(connection)?.saturating_add(millis(after)))),
        NextStep::Dead => (DeliveryStatus::Dead, 1, None),
    };
    update(held)
        .set((
            webhook_deliveries::status.eq(status.as_str()),
            webhook_deliveries::attempts.eq(add_attempt(id, &attempts, &recorded.attempt)?),
            webhook_deliveries::failures.eq(failures + failed),
            webhook_deliveries::next_attempt_at.eq(next),
            webhook_deliveries::lease_until.eq(None::<i64>),
        ))
        .execute(connection)
        .map_err(fault)?;
    attempted(connection, &webhook, recorded, cause)?;
    Ok(true)
}

/// Writes what an attempt means for the endpoint.
fn attempted(
    connection: &mut SqliteConnection,
    was: &Webhook,
    recorded: &Recorded,
    cause: &Cause,
) -> Result<(), Fault> {
    let Some(is) = was.attempted(recorded.result, cause.at) else { return Ok(()) };
    overwrite(connection, &is)?;
    if is.active == was.active {
        return Ok(());
    }
    audit::write(connection, &cause.webhook_deactivated(was, &is))?;
    enqueue(connection, recorded.notice.as_slice()).map(drop)
}
