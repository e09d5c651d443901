//! The repositories of endpoints and their deliveries, as staff see them.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Delivery, DeliveryQuery, NewDelivery, NewKeys, NewWebhook, Webhook, WebhookChange, WebhookError};
use crate::{DeliveryId, Fault, Listing, Sort, SortField, SortValue, Version, WebhookId, Window, audit::Cause};

/// The sort keys of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookSort {
    CreatedAt,
}

impl SortField for WebhookSort {
    type Item = Webhook;

    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt)];

    fn value(self, webhook: &Webhook) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Time(webhook.created_at),
        }
    }

    fn id(webhook: &Webhook) -> Uuid {
        webhook.id.0
    }
}

/// A query for a list of endpoints.
#[derive(Debug, Clone)]
pub struct WebhookQuery {
    pub sort: Sort<WebhookSort>,
    pub window: Window,
}

/// Stores endpoints. Every method is atomic, and writes its audit entry with the change.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait WebhookRepository: Send + Sync {
    /// Inserts an endpoint.
    async fn insert(&self, new: &NewWebhook, cause: &Cause) -> Result<(), Fault>;

    /// Looks an endpoint up.
    async fn find(&self, id: WebhookId) -> Result<Option<Webhook>, Fault>;

    /// Lists endpoints, in the order of `query.sort`.
    async fn list(&self, query: &WebhookQuery) -> Result<Listing<Webhook>, Fault>;

    /// Changes an endpoint, as [`Webhook::change`] decides.
    async fn update(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Webhook, WebhookError>;

    /// Replaces the secret of an endpoint, as [`Webhook::rotate`] decides. The present one is the previous one then, and
    /// one that was previous before is gone.
    async fn rotate(
        &self,
        id: WebhookId,
        keys: &NewKeys,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Webhook, WebhookError>;

    /// Deletes an endpoint with its deliveries. What is being sent may still arrive.
    async fn delete(&self, id: WebhookId, expected: Option<Version>, cause: &Cause) -> Result<(), WebhookError>;
}

/// Shows deliveries. Every method is atomic.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DeliveryRepository: Send + Sync {
    /// Lists deliveries, in the order of `query.sort`. There are none to an endpoint that does not exist.
    async fn list(&self, query: &DeliveryQuery) -> Result<Listing<Delivery>, Fault>;

    /// Writes a delivery that is due at once, also to an inactive endpoint.
    ///
    /// Errors: `NotFound`.
    async fn insert(&self, delivery: &NewDelivery) -> Result<Delivery, WebhookError>;

    /// Makes a delivery due at once, also to an inactive endpoint. One that is over begins anew, with all its attempts.
    ///
    /// Errors: `NotFound`, also if it is one to another endpoint.
    async fn retry(&self, webhook: WebhookId, id: DeliveryId) -> Result<Delivery, WebhookError>;
}
