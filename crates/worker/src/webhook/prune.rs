//! Forgets deliveries that were made long ago.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::webhook::DeliveryQueue;

use crate::kind::{Attempt, Done, Failure, Kind, KindSettings};

/// How long deliveries are kept.
const AGE: Duration = Duration::from_hours(30 * 24);

/// How many go at once, so that nobody waits for them.
const AT_ONCE: u32 = 500;

/// Forgets deliveries that were made long ago, and those to deleted endpoints, every minute.
pub struct PruneDeliveries {
    /// The deliveries.
    pub queue: Arc<dyn DeliveryQueue>,
}

#[async_trait]
impl Kind for PruneDeliveries {
    const NAME: &'static str = "webhooks.prune";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        KindSettings {
            concurrency: 1,
            deadline: Duration::from_mins(5),
            max_attempts: 1,
            schedule: Some("15 * * * * *"),
            ..KindSettings::default()
        }
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        while self.queue.prune(AGE, AT_ONCE).await? == AT_ONCE {}
        Ok(Done::Nothing)
    }
}
