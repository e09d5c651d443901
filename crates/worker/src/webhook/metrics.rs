//! The metrics of deliveries.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use entrepot_domain::{
    MetricSource, Sample,
    webhook::{DeliveryBacklog, NextStep, Recorded},
};

/// The metrics of deliveries, in this process; what waits is the same for all.
#[derive(Default)]
pub(crate) struct DeliveryMetrics {
    succeeded: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    /// In microseconds.
    duration: AtomicU64,
    due: AtomicU64,
    /// In milliseconds.
    oldest: AtomicU64,
}

impl DeliveryMetrics {
    pub(crate) fn attempted(&self, recorded: &Recorded) {
        let count = match recorded.next {
            NextStep::Succeeded => &self.succeeded,
            NextStep::Retry { .. } => &self.failed,
            NextStep::Dead => &self.dead,
        };
        count.fetch_add(1, Ordering::Relaxed);
        let took = u64::try_from(recorded.attempt.duration.as_micros()).unwrap_or(u64::MAX);
        self.duration.fetch_add(took, Ordering::Relaxed);
    }

    pub(crate) fn wait(&self, backlog: DeliveryBacklog) {
        self.due.store(backlog.due, Ordering::Relaxed);
        self.oldest.store(u64::try_from(backlog.oldest.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl MetricSource for DeliveryMetrics {
    fn samples(&self) -> Vec<Sample> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let attempts = |outcome, count| {
            let help = "Attempts to deliver a webhook: those that succeeded, will be repeated, or were the last.";
            Sample::counter("webhook_attempts_total", help, read(count)).with("outcome", outcome)
        };
        let oldest = Duration::from_millis(read(&self.oldest)).as_secs_f64();
        vec![
            attempts("succeeded", &self.succeeded),
            attempts("failed", &self.failed),
            attempts("dead", &self.dead),
            Sample::seconds(
                "webhook_attempt_seconds_total",
                "Time that attempts to deliver a webhook took.",
                Duration::from_micros(read(&self.duration)),
            ),
            Sample::gauge("webhook_deliveries_waiting", "Deliveries that are due or being sent.", read(&self.due)),
            Sample {
                value: oldest,
                ..Sample::gauge("webhook_oldest_waiting_seconds", "How long the oldest delivery has been due.", 0_u8)
            },
        ]
    }
}
