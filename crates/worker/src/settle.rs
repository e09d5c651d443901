//! Writes the outcomes of jobs.

use std::{sync::Arc, time::Duration};

use entrepot_domain::job::{JobQueue, Settlement};
use tokio::{sync::mpsc, time::sleep};

use crate::held::HeldLeases;

/// The maximum number of outcomes in one write.
const AT_ONCE: usize = 500;

/// The wait before a failed write is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes the outcomes of jobs, all that wait in one statement, until the channel is closed. Their leases are renewed
/// until they are written, so an outage of the store loses no outcome.
pub(crate) async fn settle(queue: Arc<dyn JobQueue>, held: Arc<HeldLeases>, mut ended: mpsc::Receiver<Settlement>) {
    let mut settlements = Vec::with_capacity(AT_ONCE);
    while ended.recv_many(&mut settlements, AT_ONCE).await > 0 {
        while let Err(fault) = queue.settle(&settlements).await {
            tracing::warn!(error = %fault, jobs = settlements.len(), "the outcomes of jobs could not be written yet");
            sleep(PAUSE).await;
            let leases = held.leases();
            settlements.retain(|settlement| leases.contains(&settlement.lease));
        }
        for settlement in settlements.drain(..) {
            held.remove(settlement.lease);
        }
    }
}
