//! Changes of endpoints, each in a transaction.

use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, insert_into, update as change_rows};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Version, WebhookId,
    audit::Cause,
    webhook::{NewKeys, NewWebhook, PublicKey, Webhook, WebhookChange, WebhookError},
};

use super::row::{NewRow, bits, lock};
use crate::{audit, error::fault, schema::webhooks};

pub(super) async fn insert(connection: &mut AsyncPgConnection, new: &NewWebhook, cause: &Cause) -> Result<(), Fault> {
    insert_into(webhooks::table).values(NewRow::from(new)).execute(connection).await.map_err(fault)?;
    audit::write(connection, &cause.webhook_created(&new.webhook)).await
}

/// Returns the endpoint to be changed.
async fn current(connection: &mut AsyncPgConnection, id: WebhookId) -> Result<Webhook, WebhookError> {
    lock(connection, id).await?.ok_or(WebhookError::NotFound)
}

/// Overwrites what changes of an endpoint, its keys apart.
pub(super) async fn overwrite(connection: &mut AsyncPgConnection, webhook: &Webhook) -> Result<(), Fault> {
    change_rows(webhooks::table.filter(webhooks::id.eq(webhook.id.0)))
        .set((
            webhooks::url.eq(webhook.url.as_str()),
            webhooks::types.eq(bits(webhook.types)),
            webhooks::description.eq(webhook.description.as_str()),
            webhooks::active.eq(webhook.active),
            webhooks::failing_since.eq(webhook.failing_since),
            webhooks::version.eq(webhook.version.0),
            webhooks::updated_at.eq(webhook.updated_at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

pub(super) async fn update(
    connection: &mut AsyncPgConnection,
    id: WebhookId,
    change: &WebhookChange,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Webhook, WebhookError> {
    let was = current(connection, id).await?;
    let is = was.change(change, expected, cause.at)?;
    overwrite(connection, &is).await?;
    audit::write(connection, &cause.webhook_updated(&was, &is)).await?;
    Ok(is)
}

pub(super) async fn rotate(
    connection: &mut AsyncPgConnection,
    id: WebhookId,
    keys: &NewKeys,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Webhook, WebhookError> {
    let is = current(connection, id).await?.rotate(keys, expected, cause.at)?;
    change_rows(webhooks::table.filter(webhooks::id.eq(id.0)))
        .set((
            webhooks::previous_secret.eq(webhooks::secret.nullable()),
            webhooks::previous_until.eq(keys.previous_until),
            webhooks::secret.eq(&keys.secret.0),
            webhooks::public_key.eq(is.public_key.as_ref().map(PublicKey::as_str)),
            webhooks::version.eq(is.version.0),
            webhooks::updated_at.eq(is.updated_at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    audit::write(connection, &cause.webhook_secret_rotated(&is)).await?;
    Ok(is)
}

pub(super) async fn delete(
    connection: &mut AsyncPgConnection,
    id: WebhookId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<(), WebhookError> {
    let webhook = current(connection, id).await?;
    webhook.delete(expected)?;
    change_rows(webhooks::table.filter(webhooks::id.eq(id.0)))
        .set((webhooks::deleted_at.eq(cause.at), webhooks::active.eq(false)))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(audit::write(connection, &cause.webhook_deleted(&webhook)).await?)
}
