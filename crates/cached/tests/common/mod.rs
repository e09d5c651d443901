//! Caches that answer only what a test expects.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses its part")]

use std::{sync::Arc, time::Duration};

use entrepot_domain::{CacheKey, Lookup, MockCache, Ticket};

pub const TTL: Duration = Duration::from_mins(5);

/// A cache of which exactly these keys must be invalidated, once.
pub fn invalidating(keys: Vec<CacheKey>) -> Arc<MockCache> {
    let mut cache = MockCache::new();
    cache.expect_invalidate().withf(move |invalidated| invalidated == keys).times(1).return_const(());
    Arc::new(cache)
}

/// A cache that misses twice, as one look-up does, then has what was put at this key.
pub fn filling(key: CacheKey) -> Arc<MockCache> {
    filling_for(key, TTL)
}

/// The same of a value that may be kept for another time.
pub fn filling_for(key: CacheKey, for_time: Duration) -> Arc<MockCache> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut cache = MockCache::new();
    cache.expect_get().withf(move |asked| *asked == key).times(2).returning(|_| Lookup::Miss(Ticket(9)));
    cache
        .expect_put()
        .withf(move |put, _, ttl, ticket| *put == key && *ttl == for_time && *ticket == Ticket(9))
        .times(1)
        .returning(move |_, value, _, _| sender.send(value).unwrap());
    cache.expect_get().returning(move |_| Lookup::Hit(receiver.recv().unwrap().into()));
    Arc::new(cache)
}
