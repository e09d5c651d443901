//! Mutual exclusion by key.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_lock::{Mutex, MutexGuard};

/// How many locks there are.
const COUNT: usize = 64;

/// A lock for each key, out of a fixed set of 64 locks: equal keys always share one. Different keys rarely do, and then
/// wait for each other without need.
///
/// Needs no runtime of a kind: the guard is released when it is dropped, on whatever thread.
pub struct StripedLock([Mutex<()>; COUNT]);

impl StripedLock {
    /// A set of locks of which none is taken.
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }

    /// Waits until no one else holds the lock of this key, and takes it. It is always `Some`: there is a lock for every
    /// remainder.
    pub async fn lock(&self, key: &impl Hash) -> Option<StripeGuard<'_>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % 64).ok()?;
        Some(StripeGuard { _lock: self.0.get(place)?.lock().await })
    }
}

impl Default for StripedLock {
    fn default() -> Self {
        Self::new()
    }
}

/// Holds the lock of a key until it is dropped.
pub struct StripeGuard<'a> {
    _lock: MutexGuard<'a, ()>,
}
