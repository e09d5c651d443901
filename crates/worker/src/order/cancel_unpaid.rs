//! Cancels orders that were not paid in time.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_application::order::OrderService;
use entrepot_domain::job::Backoff;
use futures_util::future::BoxFuture;

use crate::kind::{Attempt, Done, Failure, Kind, KindSettings};

/// Called when orders were changed, so that caches can drop the old values.
pub type ChangeNotice = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Cancels orders that were not paid in time, every two seconds, so that none holds its stock for much longer.
pub struct CancelUnpaidOrders {
    /// The use case.
    pub orders: Arc<OrderService>,
    /// The maximum time for which an order may be pending.
    pub ttl: Duration,
    /// Called when orders were cancelled.
    pub changed: Option<ChangeNotice>,
}

#[async_trait]
impl Kind for CancelUnpaidOrders {
    const NAME: &'static str = "orders.cancel_unpaid";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        KindSettings {
            concurrency: 1,
            deadline: Duration::from_mins(5),
            max_attempts: 3,
            backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(5) },
            schedule: Some("*/2 * * * * *"),
        }
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        let mut done = Done::Nothing;
        while self.orders.cancel_unpaid(self.ttl).await? > 0 {
            done = Done::Succeeded;
            if let Some(changed) = &self.changed {
                changed().await;
            }
        }
        Ok(done)
    }
}
