//! Deliveries to endpoints. They are claimed over the connections of jobs.

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
use futures_util::FutureExt;

use crate::{PostgresStore, store::transaction::Begin};

#[async_trait]
impl DeliveryRepository for PostgresStore {
    async fn list(&self, query: &DeliveryQuery) -> Result<Listing<Delivery>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }

    async fn insert(&self, delivery: &NewDelivery) -> Result<Delivery, WebhookError> {
        let inserted =
            self.write(delivery.clone(), |connection, delivery| write::insert(connection, delivery).boxed()).await?;
        self.queued_deliveries().notify_one();
        Ok(inserted)
    }

    async fn retry(&self, webhook: WebhookId, id: DeliveryId) -> Result<Delivery, WebhookError> {
        let retried = self
            .write((webhook, id), |connection, (webhook, id)| write::retry(connection, *webhook, *id).boxed())
            .await?;
        self.queued_deliveries().notify_one();
        Ok(retried)
    }
}

#[async_trait]
impl DeliveryQueue for PostgresStore {
    async fn subscribers(&self) -> Result<Vec<Subscriber>, Fault> {
        self.read((), |connection, ()| claim::subscribers(connection).boxed()).await
    }

    async fn dispatch(&self, consumed: &Consumed, deliveries: &[NewDelivery]) -> Result<bool, Fault> {
        let moved = self
            .write((*consumed, deliveries.to_vec()), |connection, (consumed, deliveries)| {
                write::dispatch(connection, consumed, deliveries).boxed()
            })
            .await?;
        self.queued_deliveries().notify_one();
        Ok(moved)
    }

    async fn queued(&self) {
        self.queued_deliveries().notified().await;
    }

    async fn claim(&self, claim: &DeliveryClaim) -> Result<Vec<ClaimedDelivery>, Fault> {
        self.work_on_jobs(Begin::Plain, *claim, |connection, claim| claim::claim(connection, claim).boxed()).await
    }

    async fn record(&self, recorded: &Recorded, cause: &Cause) -> Result<bool, Fault> {
        self.work_on_jobs(Begin::Write, (recorded.clone(), cause.clone()), |connection, (recorded, cause)| {
            record::record(connection, recorded, cause).boxed()
        })
        .await
    }

    async fn backlog(&self) -> Result<DeliveryBacklog, Fault> {
        self.read((), |connection, ()| claim::backlog(connection).boxed()).await
    }

    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault> {
        self.work_on_jobs(Begin::Write, (age, most), |connection, (age, most)| {
            prune::prune(connection, *age, *most).boxed()
        })
        .await
    }
}
