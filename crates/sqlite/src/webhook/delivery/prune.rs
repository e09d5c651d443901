//! Forgetting deliveries.

use std::time::Duration;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, delete,
    dsl::{exists, not},
};
use entrepot_domain::{Fault, webhook::DeliveryStatus};

use super::row::{millis, now};
use crate::{
    error::fault,
    schema::{webhook_deliveries, webhooks},
    value::Id,
};

/// The endpoints that were deleted.
#[diesel::dsl::auto_type]
fn deleted() -> _ {
    webhooks::table.filter(webhooks::deleted_at.is_not_null()).select(webhooks::id)
}

/// Deliveries that were made before and wait for nothing.
#[diesel::dsl::auto_type]
fn old(before: i64) -> _ {
    let inactive = webhooks::table.filter(webhooks::active.eq(false)).select(webhooks::id);
    let pending: &'static str = DeliveryStatus::Pending.as_str();
    let is_over = webhook_deliveries::status.ne(pending);
    let waits_in_vain = webhook_deliveries::webhook_id.eq_any(inactive);
    webhook_deliveries::table
        .filter(webhook_deliveries::created_at.lt(before))
        .filter(is_over.or(waits_in_vain))
        .select(webhook_deliveries::id)
}

/// Whether there is something to prune.
pub(super) fn is_any_old(connection: &mut SqliteConnection, age: Duration) -> Result<bool, Fault> {
    let before = now(connection)?.saturating_sub(millis(age));
    let webhook: Option<Id> = deleted().get_result(connection).optional().map_err(fault)?;
    let delivery: Option<Id> = old(before).get_result(connection).optional().map_err(fault)?;
    Ok(webhook.or(delivery).is_some())
}

pub(super) fn prune(connection: &mut SqliteConnection, age: Duration, most: u32) -> Result<u32, Fault> {
    let before = now(connection)?.saturating_sub(millis(age));
    let of_deleted = webhook_deliveries::table.filter(webhook_deliveries::webhook_id.eq_any(deleted()));
    let of_deleted = of_deleted.select(webhook_deliveries::id).limit(most.into());
    let mut ids: Vec<Id> = of_deleted.load(connection).map_err(fault)?;
    let room = i64::from(most).saturating_sub(i64::try_from(ids.len()).unwrap_or(i64::MAX));
    ids.extend(old(before).limit(room).load::<Id>(connection).map_err(fault)?);
    let gone = delete(webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids)));
    let gone = gone.execute(connection).map_err(fault)?;
    let left = webhook_deliveries::table.filter(webhook_deliveries::webhook_id.eq(webhooks::id));
    let empty: Vec<Id> = deleted().filter(not(exists(left))).load(connection).map_err(fault)?;
    delete(webhooks::table.filter(webhooks::id.eq_any(empty))).execute(connection).map_err(fault)?;
    Ok(u32::try_from(gone).unwrap_or(u32::MAX))
}
