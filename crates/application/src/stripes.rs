//! One at a time for each key, without a lock for each key.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_lock::{Mutex, MutexGuard};

/// How many keys can be held at once without one waiting for another.
const COUNT: usize = 64;

/// A fixed set of locks. Equal keys share one; different keys rarely do, and then wait for each other, no worse.
pub(crate) struct Stripes([Mutex<()>; COUNT]);

impl Stripes {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }

    /// Waits until nobody else holds this key. `None` cannot happen: there is a lock for every remainder.
    pub(crate) async fn hold(&self, key: &impl Hash) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % 64).ok()?;
        Some(self.0.get(place)?.lock().await)
    }
}
