//! Locks by key.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_lock::{Mutex, MutexGuard};

/// The number of locks.
const COUNT: usize = 64;

/// A lock per key, from a fixed set of 64 locks: equal keys share a lock. Different keys rarely do, and then wait for
/// each other unnecessarily.
///
/// Independent of the async runtime: the guard is released when it is dropped, on any thread.
pub struct StripedLock([Mutex<()>; COUNT]);

impl StripedLock {
    /// Creates the locks, none of them held.
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }

    /// Waits for the lock of this key and acquires it. Always `Some`: there is a lock for every remainder.
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
