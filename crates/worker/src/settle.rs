//! Writes what became of jobs.

use std::{sync::Arc, time::Duration};

use entrepot_domain::job::{JobQueue, Settlement};
use tokio::{sync::mpsc, time::sleep};

use crate::held::HeldLeases;

/// How many are written at once at the most.
const AT_ONCE: usize = 500;

/// How long to wait before a store that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes what became of jobs until no more can come: whatever waits, in one statement. Their leases are renewed until
/// then, so a store that is away for a while loses no result.
pub(crate) async fn settle(queue: Arc<dyn JobQueue>, held: Arc<HeldLeases>, mut ended: mpsc::Receiver<Settlement>) {
    let mut settlements = Vec::with_capacity(AT_ONCE);
    while ended.recv_many(&mut settlements, AT_ONCE).await > 0 {
        while let Err(fault) = queue.settle(&settlements).await {
            tracing::warn!(error = %fault, jobs = settlements.len(), "what became of jobs could not be written yet");
            sleep(PAUSE).await;
            let leases = held.leases();
            settlements.retain(|settlement| leases.contains(&settlement.lease));
        }
        for settlement in settlements.drain(..) {
            held.remove(settlement.lease);
        }
    }
}
