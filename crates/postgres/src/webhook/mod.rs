//! Endpoints of webhooks, and deliveries to them.

mod delivery;
mod list;
mod row;
mod write;

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Listing, Version, WebhookId,
    audit::Cause,
    webhook::{NewKeys, NewWebhook, Webhook, WebhookChange, WebhookError, WebhookQuery, WebhookRepository},
};
use futures_util::FutureExt;

use crate::PostgresStore;

#[async_trait]
impl WebhookRepository for PostgresStore {
    async fn insert(&self, new: &NewWebhook, cause: &Cause) -> Result<(), Fault> {
        self.write((new.clone(), cause.clone()), |connection, (new, cause)| {
            write::insert(connection, new, cause).boxed()
        })
        .await
    }

    async fn find(&self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        self.read(id, |connection, id| row::find(connection, *id).boxed()).await
    }

    async fn list(&self, query: &WebhookQuery) -> Result<Listing<Webhook>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }

    async fn update(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Webhook, WebhookError> {
        self.write((id, change.clone(), expected, cause.clone()), |connection, (id, change, expected, cause)| {
            write::update(connection, *id, change, *expected, cause).boxed()
        })
        .await
    }

    async fn rotate(
        &self,
        id: WebhookId,
        keys: &NewKeys,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Webhook, WebhookError> {
        self.write((id, keys.clone(), expected, cause.clone()), |connection, (id, keys, expected, cause)| {
            write::rotate(connection, *id, keys, *expected, cause).boxed()
        })
        .await
    }

    async fn delete(&self, id: WebhookId, expected: Option<Version>, cause: &Cause) -> Result<(), WebhookError> {
        self.write((id, expected, cause.clone()), |connection, (id, expected, cause)| {
            write::delete(connection, *id, *expected, cause).boxed()
        })
        .await
    }
}
