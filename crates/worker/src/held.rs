//! The leases that this process holds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entrepot_domain::job::Lease;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The state of a held lease.
struct Held {
    /// The expiry by this process's clock, never later than that of the store.
    until: Instant,
    lost: CancellationToken,
}

/// The leases that this process holds, until the outcomes of their jobs are written.
#[derive(Default)]
pub(crate) struct HeldLeases(Mutex<HashMap<Lease, Held>>);

impl HeldLeases {
    fn all(&self) -> MutexGuard<'_, HashMap<Lease, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a lease, and returns a token that is cancelled when the lease is lost.
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

    /// Extends the leases in `held` to `until`; the others in `asked` are lost.
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

    /// Drops leases that were not renewed in time: another worker may have claimed their jobs.
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
