//! The leases that this process holds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entrepot_domain::job::Lease;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is known of a lease.
struct Held {
    /// By this process's clock, and rather too early.
    until: Instant,
    lost: CancellationToken,
}

/// The leases that this process holds, until what became of their jobs is written.
#[derive(Default)]
pub(crate) struct HeldLeases(Mutex<HashMap<Lease, Held>>);

impl HeldLeases {
    fn all(&self) -> MutexGuard<'_, HashMap<Lease, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one, and returns what tells that it was lost.
    pub(crate) fn add(&self, lease: Lease, until: Instant) -> CancellationToken {
        let lost = CancellationToken::new();
        self.all().insert(lease, Held { until, lost: lost.clone() });
        lost
    }

    pub(crate) fn remove(&self, lease: Lease) {
        self.all().remove(&lease);
    }

    pub(crate) fn leases(&self) -> Vec<Lease> {
        self.all().keys().copied().collect()
    }

    /// Of those that were asked for, the ones that are still held last until then; the others are lost.
    pub(crate) fn renewed(&self, asked: &[Lease], held: &[Lease], until: Instant) {
        let mut all = self.all();
        for lease in asked {
            if held.contains(lease) {
                if let Some(known) = all.get_mut(lease) {
                    known.until = until;
                }
            } else if let Some(lost) = all.remove(lease) {
                lost.lost.cancel();
            }
        }
    }

    /// Those that could not be renewed in time are lost: another worker may have the job by now.
    pub(crate) fn drop_expired(&self, now: Instant) {
        self.all().retain(|_, held| {
            let is_held = held.until > now;
            if !is_held {
                held.lost.cancel();
            }
            is_held
        });
    }
}
