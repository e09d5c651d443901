//! Forgets deliveries that were made long ago.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::webhook::DeliveryQueue;

use crate::{
    kind::{Attempt, Done, Failure, Kind, KindSettings},
    prune,
};

/// How long deliveries are kept.
const AGE: Duration = Duration::from_hours(30 * 24);

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
        prune::settings("15 * * * * *")
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        prune::prune(|most| self.queue.prune(AGE, most)).await
    }
}
