//! Deliveries to endpoints.
//!
//! Whether anything is due is looked up by a reader: a sender that finds nothing costs the writer nothing.

mod claim;
mod list;
mod prune;
mod record;
mod row;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use entrepot_domain::{
    DeliveryId, Fault, Listing, WebhookId,
    audit::Cause,
    event::Consumed,
    webhook::{
        ClaimedDelivery, Delivery, DeliveryBacklog, DeliveryClaim, DeliveryQuery, DeliveryQueue, DeliveryRepository,
        NewDelivery, Recorded, Subscriber, WebhookError,
    },
};

use crate::SqliteStore;

#[async_trait]
impl DeliveryRepository for SqliteStore {
    async fn list(&self, query: &DeliveryQuery) -> Result<Listing<Delivery>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }

    async fn insert(&self, delivery: &NewDelivery) -> Result<Delivery, WebhookError> {
        let delivery = delivery.clone();
        let inserted = self.write(move |connection| write::insert(connection, &delivery)).await?;
        self.queued_deliveries().notify_one();
        Ok(inserted)
    }

    async fn retry(&self, webhook: WebhookId, id: DeliveryId) -> Result<Delivery, WebhookError> {
        let retried = self.write(move |connection| write::retry(connection, webhook, id)).await?;
        self.queued_deliveries().notify_one();
        Ok(retried)
    }
}

#[async_trait]
impl DeliveryQueue for SqliteStore {
    async fn subscribers(&self) -> Result<Vec<Subscriber>, Fault> {
        self.read(claim::subscribers).await
    }

    async fn dispatch(&self, consumed: &Consumed, deliveries: &[NewDelivery]) -> Result<bool, Fault> {
        let (consumed, deliveries) = (*consumed, deliveries.to_vec());
        let moved = self.write(move |connection| write::dispatch(connection, &consumed, &deliveries)).await?;
        self.queued_deliveries().notify_one();
        Ok(moved)
    }

    async fn queued(&self) {
        self.queued_deliveries().notified().await;
    }

    async fn claim(&self, claim: &DeliveryClaim) -> Result<Vec<ClaimedDelivery>, Fault> {
        let claim = *claim;
        if self.read(move |connection| claim::due(connection, &claim)).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |connection| claim::claim(connection, &claim)).await
    }

    async fn record(&self, recorded: &Recorded, cause: &Cause) -> Result<bool, Fault> {
        let (recorded, cause) = (recorded.clone(), cause.clone());
        let is_recorded = self.write(move |connection| record::record(connection, &recorded, &cause)).await?;
        self.queued_jobs().notify_one();
        Ok(is_recorded)
    }

    async fn backlog(&self) -> Result<DeliveryBacklog, Fault> {
        self.read(claim::backlog).await
    }

    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault> {
        if !self.read(move |connection| prune::is_any_old(connection, age)).await? {
            return Ok(0);
        }
        self.write(move |connection| prune::prune(connection, age, most)).await
    }
}
