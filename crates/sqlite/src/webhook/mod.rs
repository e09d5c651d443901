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

use crate::SqliteStore;

#[async_trait]
impl WebhookRepository for SqliteStore {
    async fn insert(&self, new: &NewWebhook, cause: &Cause) -> Result<(), Fault> {
        let (new, cause) = (new.clone(), cause.clone());
        self.write(move |connection| write::insert(connection, &new, &cause)).await
    }

    async fn find(&self, id: WebhookId) -> Result<Option<Webhook>, Fault> {
        self.read(move |connection| row::find(connection, id)).await
    }

    async fn list(&self, query: &WebhookQuery) -> Result<Listing<Webhook>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }

    async fn update(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Webhook, WebhookError> {
        let (change, cause) = (change.clone(), cause.clone());
        self.write(move |connection| write::update(connection, id, &change, expected, &cause)).await
    }

    async fn rotate(
        &self,
        id: WebhookId,
        keys: &NewKeys,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Webhook, WebhookError> {
        let (keys, cause) = (keys.clone(), cause.clone());
        self.write(move |connection| write::rotate(connection, id, &keys, expected, &cause)).await
    }

    async fn delete(&self, id: WebhookId, expected: Option<Version>, cause: &Cause) -> Result<(), WebhookError> {
        let cause = cause.clone();
        self.write(move |connection| write::delete(connection, id, expected, &cause)).await
    }
}
