//! The periodic tasks of a worker: renew leases, rescue lost jobs, and count waiting ones.

use std::{sync::Arc, time::Duration};

use entrepot_domain::job::JobQueue;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::{held::HeldLeases, registry::Registry};

/// Renews each lease three times within its duration.
pub(crate) async fn renew(queue: Arc<dyn JobQueue>, held: Arc<HeldLeases>, lease: Duration) {
    let mut ticks = every(lease / 3);
    loop {
        ticks.tick().await;
        let leases = held.leases();
        if !leases.is_empty() {
            let asked_at = Instant::now();
            match queue.renew(&leases, lease).await {
                Ok(still_held) => held.renewed(&leases, &still_held, asked_at + lease),
                Err(fault) => tracing::warn!(error = %fault, "the leases of jobs could not be renewed"),
            }
        }
        held.drop_expired(Instant::now());
    }
}

/// Returns the jobs of lost workers to the queue.
pub(crate) async fn rescue(queue: Arc<dyn JobQueue>, registry: Arc<Registry>, period: Duration) {
    let (mut ticks, kinds) = (every(period), registry.names());
    loop {
        ticks.tick().await;
        match queue.rescue(&kinds).await {
            Ok(0) => {}
            Ok(jobs) => tracing::warn!(jobs, "leases of jobs expired; the jobs are tried again or have failed"),
            Err(fault) => tracing::debug!(error = %fault, "lost jobs could not be rescued"),
        }
    }
}

/// Counts waiting jobs, for the metrics.
pub(crate) async fn count(queue: Arc<dyn JobQueue>, registry: Arc<Registry>, period: Duration) {
    let mut ticks = every(period);
    loop {
        ticks.tick().await;
        let Ok(backlog) = queue.backlog().await else { continue };
        for known in registry.iter() {
            let of_kind = backlog.iter().find(|of_kind| of_kind.kind == known.kind);
            known.metrics.set_waiting(
                of_kind.map_or(0, |of_kind| of_kind.ready),
                of_kind.map_or(Duration::ZERO, |of_kind| of_kind.oldest),
            );
        }
    }
}

/// Ticks once in each period, at once the first time. A late tick puts off the following ones.
pub(crate) fn every(period: Duration) -> Interval {
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
