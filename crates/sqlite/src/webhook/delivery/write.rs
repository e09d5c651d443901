//! Writing deliveries, and making them due.

use std::collections::HashSet;

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    insert_into, update,
};
use entrepot_domain::{
    DeliveryId, Fault, WebhookId,
    event::Consumed,
    webhook::{Delivery, DeliveryStatus, NewDelivery, WebhookError},
};

use super::row::{DeliveryRow, now};
use crate::{
    error::fault,
    event,
    schema::{webhook_deliveries, webhooks},
    value::Id,
    webhook::row::live,
};

#[derive(Insertable)]
#[diesel(table_name = webhook_deliveries, treat_none_as_default_value = false)]
struct NewRow<'a> {
    id: Id,
    webhook_id: Id,
    event_id: &'a str,
    kind: &'static str,
    body: &'a str,
    status: &'static str,
    forced: bool,
    next_attempt_at: Option<i64>,
    created_at: i64,
}

fn write(connection: &mut SqliteConnection, delivery: &NewDelivery, forced: bool, now: i64) -> Result<(), Fault> {
    let row = NewRow {
        id: Id(delivery.id.0),
        webhook_id: Id(delivery.webhook.0),
        event_id: &delivery.event,
        kind: delivery.kind.as_str(),
        body: &delivery.body,
        status: DeliveryStatus::Pending.as_str(),
        forced,
        next_attempt_at: Some(now),
        created_at: now,
    };
    insert_into(webhook_deliveries::table).values(row).execute(connection).map_err(fault)?;
    Ok(())
}

fn find(connection: &mut SqliteConnection, webhook: WebhookId, id: DeliveryId) -> Result<Delivery, WebhookError> {
    let row = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq(Id(id.0)))
        .filter(webhook_deliveries::webhook_id.eq(Id(webhook.0)))
        .select(DeliveryRow::as_select());
    let row: Option<DeliveryRow> = row.get_result(connection).optional().map_err(fault)?;
    Ok(Delivery::try_from(row.ok_or(WebhookError::NotFound)?)?)
}

fn must_exist(connection: &mut SqliteConnection, webhook: WebhookId) -> Result<(), WebhookError> {
    let row = live().filter(webhooks::id.eq(Id(webhook.0))).select(webhooks::id);
    let found: Option<Id> = row.get_result(connection).optional().map_err(fault)?;
    found.map(drop).ok_or(WebhookError::NotFound)
}

pub(super) fn insert(connection: &mut SqliteConnection, delivery: &NewDelivery) -> Result<Delivery, WebhookError> {
    must_exist(connection, delivery.webhook)?;
    let now = now(connection)?;
    write(connection, delivery, true, now)?;
    find(connection, delivery.webhook, delivery.id)
}

pub(super) fn retry(
    connection: &mut SqliteConnection,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Delivery, WebhookError> {
    must_exist(connection, webhook)?;
    let known = find(connection, webhook, id)?;
    let now = now(connection)?;
    let row = webhook_deliveries::table.filter(webhook_deliveries::id.eq(Id(id.0)));
    let due = (webhook_deliveries::next_attempt_at.eq(now), webhook_deliveries::forced.eq(true));
    if known.status == DeliveryStatus::Pending {
        update(row).set(due).execute(connection).map_err(fault)?;
    } else {
        let anew =
            (webhook_deliveries::status.eq(DeliveryStatus::Pending.as_str()), webhook_deliveries::failures.eq(0));
        update(row).set((due, anew)).execute(connection).map_err(fault)?;
    }
    find(connection, webhook, id)
}

pub(super) fn dispatch(
    connection: &mut SqliteConnection,
    consumed: &Consumed,
    deliveries: &[NewDelivery],
) -> Result<bool, Fault> {
    if !event::consume(connection, consumed)? {
        return Ok(false);
    }
    if deliveries.is_empty() {
        return Ok(true);
    }
    let known: Vec<Id> = live().select(webhooks::id).load(connection).map_err(fault)?;
    let known: HashSet<Id> = known.into_iter().collect();
    let now = now(connection)?;
    for delivery in deliveries.iter().filter(|delivery| known.contains(&Id(delivery.webhook.0))) {
        write(connection, delivery, false, now)?;
    }
    Ok(true)
}
