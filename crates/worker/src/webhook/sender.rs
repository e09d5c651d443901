//! Writes the deliveries of events, and sends them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use entrepot_application::{
    event::{EventWake, Wakened},
    webhook::WebhookDispatch,
};
use entrepot_domain::{
    MetricSource,
    webhook::{ClaimedDelivery, DeliveryClaim, DeliveryQueue},
};
use tokio::{
    spawn,
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{metrics::DeliveryMetrics, settings::DeliverySettings};
use crate::keep::every;

/// How long to wait before a store that failed is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often to look for events that nobody has told of.
const EVENT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What a [`DeliveryWorker`] holds.
pub struct DeliveryPorts {
    /// The use cases.
    pub dispatch: WebhookDispatch,
    /// Where deliveries wait.
    pub queue: Arc<dyn DeliveryQueue>,
    /// Tells of new events.
    pub wake: EventWake,
}

/// Writes the deliveries of events, and sends them, until it is stopped.
///
/// A delivery is leased for an attempt. If the process dies, it is sent again by whoever looks once the lease has run out.
/// Attempts wait for nothing but their receivers. To one endpoint only a few are made at once, and to one that fails one at
/// a time and a part of all, so that slow and dead endpoints leave room for the others.
pub struct DeliveryWorker {
    ports: DeliveryPorts,
    settings: DeliverySettings,
    metrics: Arc<DeliveryMetrics>,
    healthy: AtomicU32,
    failing: AtomicU32,
    /// Is told when an attempt has ended and another may begin.
    freed: Notify,
}

impl DeliveryWorker {
    /// A worker over these ports.
    pub fn new(ports: DeliveryPorts, settings: DeliverySettings) -> Self {
        let (healthy, failing) = (AtomicU32::default(), AtomicU32::default());
        Self { ports, settings, metrics: Arc::default(), healthy, failing, freed: Notify::new() }
    }

    /// Its metrics.
    pub fn metrics(&self) -> Arc<dyn MetricSource> {
        self.metrics.clone()
    }

    /// Runs until `stop` is cancelled; then begins nothing more, and returns when what is being sent has ended, or took too
    /// long.
    pub async fn run(self, stop: CancellationToken) {
        let worker = Arc::new(self);
        let beside = [spawn(fan_out(worker.clone(), worker.ports.wake.subscribe())), spawn(count(worker.clone()))];
        let sending = TaskTracker::new();
        worker.send_until(&stop, &sending).await;
        for task in beside {
            task.abort();
        }
        sending.close();
        if timeout(worker.settings.shutdown_timeout, sending.wait()).await.is_err() {
            tracing::warn!(deliveries = sending.len(), "webhooks took too long to be sent and are sent again later");
        }
    }

    /// Claims deliveries and starts to send them.
    async fn send_until(self: &Arc<Self>, stop: &CancellationToken, sending: &TaskTracker) {
        while !stop.is_cancelled() {
            let claim = self.room();
            let asked_at = Instant::now();
            let claimed = match self.ports.queue.claim(&claim).await {
                Ok(claimed) => claimed,
                Err(fault) => {
                    tracing::debug!(error = %fault, "no webhooks could be claimed");
                    tokio::select! { () = sleep(PAUSE) => {}, () = stop.cancelled() => {} }
                    continue;
                }
            };
            let found = !claimed.is_empty();
            for delivery in claimed {
                self.start(delivery, asked_at + claim.lease, sending);
            }
            if found {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = self.ports.queue.queued() => {}
                () = self.freed.notified() => {}
                () = sleep(self.settings.poll_interval) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// How many more may be sent.
    fn room(&self) -> DeliveryClaim {
        let DeliverySettings { concurrency, failing_concurrency, per_endpoint, lease, .. } = self.settings;
        let (healthy, failing) = (self.healthy.load(Ordering::Relaxed), self.failing.load(Ordering::Relaxed));
        DeliveryClaim {
            healthy: concurrency.saturating_sub(failing_concurrency).saturating_sub(healthy),
            failing: failing_concurrency.saturating_sub(failing),
            per_endpoint,
            lease,
        }
    }

    fn start(self: &Arc<Self>, delivery: ClaimedDelivery, until: Instant, sending: &TaskTracker) {
        let worker = self.clone();
        self.counter(&delivery).fetch_add(1, Ordering::Relaxed);
        sending.spawn(async move {
            worker.deliver(&delivery, until).await;
            worker.counter(&delivery).fetch_sub(1, Ordering::Relaxed);
            worker.freed.notify_one();
        });
    }

    fn counter(&self, delivery: &ClaimedDelivery) -> &AtomicU32 {
        if delivery.is_failing { &self.failing } else { &self.healthy }
    }

    /// Sends a delivery, and writes what came of it. While the store is away that is tried until the lease is over.
    async fn deliver(&self, delivery: &ClaimedDelivery, until: Instant) {
        let recorded = self.ports.dispatch.send(delivery).await;
        self.metrics.attempted(&recorded);
        tracing::debug!(
            webhook = %delivery.webhook,
            delivery = %delivery.lease.delivery,
            status = recorded.attempt.status,
            "webhook sent"
        );
        loop {
            match self.ports.dispatch.record(&recorded).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::debug!(delivery = %delivery.lease.delivery, "a webhook was deleted, or its lease lost");
                    return;
                }
                Err(fault) if Instant::now() + PAUSE >= until => {
                    tracing::warn!(error = %fault, "what became of a webhook could not be written; it is sent again");
                    return;
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// Writes the deliveries of events as they come.
async fn fan_out(worker: Arc<DeliveryWorker>, mut events: Wakened) {
    loop {
        match worker.ports.dispatch.fan_out().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(fault) => {
                tracing::warn!(error = %fault, "the webhooks of events could not be written yet");
                sleep(PAUSE).await;
            }
        }
        timeout(EVENT_POLL_INTERVAL, events.wakened()).await.ok();
    }
}

/// Counts what waits, for the metrics.
async fn count(worker: Arc<DeliveryWorker>) {
    let mut ticks = every(worker.settings.count_interval);
    loop {
        ticks.tick().await;
        if let Ok(backlog) = worker.ports.queue.backlog().await {
            worker.metrics.wait(backlog);
        }
    }
}
