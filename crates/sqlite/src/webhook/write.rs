//! Changes of endpoints, each in the writer's transaction.

use diesel::{
    ExpressionMethods, NullableExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, insert_into,
    update as change_rows,
};
use entrepot_domain::{
    Fault, Version, WebhookId,
    audit::Cause,
    webhook::{NewKeys, NewWebhook, PublicKey, Webhook, WebhookChange, WebhookError},
};

use super::row::{NewRow, bits, find};
use crate::{audit, error::fault, schema::webhooks, value::Id};

pub(super) fn insert(connection: &mut SqliteConnection, new: &NewWebhook, cause: &Cause) -> Result<(), Fault> {
    insert_into(webhooks::table).values(NewRow::from(new)).execute(connection).map_err(fault)?;
    audit::write(connection, &cause.webhook_created(&new.webhook))
}

/// Returns the endpoint to be changed.
fn current(connection: &mut SqliteConnection, id: WebhookId) -> Result<Webhook, WebhookError> {
    find(connection, id)?.ok_or(WebhookError::NotFound)
}

/// Overwrites what changes of an endpoint, its keys apart.
pub(super) fn overwrite(connection: &mut SqliteConnection, webhook: &Webhook) -> Result<(), Fault> {
    change_rows(webhooks::table.filter(webhooks::id.eq(Id(webhook.id.0))))
        .set((
            webhooks::url.eq(webhook.url.as_str()),
            webhooks::types.eq(bits(webhook.types)),
            webhooks::description.eq(webhook.description.as_str()),
            webhooks::active.eq(webhook.active),
            webhooks::failing_since.eq(webhook.failing_since.map(|at| at.timestamp_millis())),
            webhooks::version.eq(webhook.version.0),
            webhooks::updated_at.eq(webhook.updated_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

pub(super) fn update(
    connection: &mut SqliteConnection,
    id: WebhookId,
    change: &WebhookChange,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Webhook, WebhookError> {
    let was = current(connection, id)?;
    let is = was.change(change, expected, cause.at)?;
    overwrite(connection, &is)?;
    audit::write(connection, &cause.webhook_updated(&was, &is))?;
    Ok(is)
}

pub(super) fn rotate(
    connection: &mut SqliteConnection,
    id: WebhookId,
    keys: &NewKeys,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Webhook, WebhookError> {
    let is = current(connection, id)?.rotate(keys, expected, cause.at)?;
    change_rows(webhooks::table.filter(webhooks::id.eq(Id(id.0))))
        .set((
            webhooks::previous_secret.eq(webhooks::secret.nullable()),
            webhooks::previous_until.eq(keys.previous_until.timestamp_millis()),
            webhooks::secret.eq(&keys.secret.0),
            webhooks::public_key.eq(is.public_key.as_ref().map(PublicKey::as_str)),
            webhooks::version.eq(is.version.0),
            webhooks::updated_at.eq(is.updated_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    audit::write(connection, &cause.webhook_secret_rotated(&is))?;
    Ok(is)
}

pub(super) fn delete(
    connection: &mut SqliteConnection,
    id: WebhookId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<(), WebhookError> {
    let webhook = current(connection, id)?;
    webhook.delete(expected)?;
    change_rows(webhooks::table.filter(webhooks::id.eq(Id(id.0))))
        .set((webhooks::deleted_at.eq(cause.at.timestamp_millis()), webhooks::active.eq(false)))
        .execute(connection)
        .map_err(fault)?;
    Ok(audit::write(connection, &cause.webhook_deleted(&webhook))?)
}
