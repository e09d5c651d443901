//! A cache in the process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use entrepot_domain::{Cache, CacheKey, Lookup, Ticket};
use moka::{Expiry, sync::Cache as Moka};

/// Into how many parts the keys fall; an invalidation of one key makes loads of its part alone start again.
const STRIPES: usize = 256;

/// Remembers bytes in the process, up to a bounded size.
///
/// A hit takes no lock. The promise of [`Cache::invalidate`] rests on an epoch for each stripe of keys: a miss hands the
/// epoch out as its ticket, an invalidation moves it on, and a value is put under the stripe's lock only if its ticket
/// is still the epoch.
pub struct MemoryCache {
    values: Moka<CacheKey, Kept>,
    epochs: Vec<Mutex<u64>>,
    hasher: RandomState,
}

#[derive(Clone)]
struct Kept {
    bytes: Arc<[u8]>,
    ttl: Duration,
}

/// Each value lives as long as it was put for.
struct OwnTtl;

impl Expiry<CacheKey, Kept> for OwnTtl {
    fn expire_after_create(&self, _: &CacheKey, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(&self, _: &CacheKey, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.ttl)
    }
}

impl MemoryCache {
    /// What a value takes beside its bytes, roughly: key, links and counters.
    const OVERHEAD: u32 = 200;

    /// A cache that keeps at most about so many bytes.
    pub fn new(max_bytes: u64) -> Self {
        let weigh = |_: &CacheKey, kept: &Kept| {
            u32::try_from(kept.bytes.len()).unwrap_or(u32::MAX).saturating_add(Self::OVERHEAD)
        };
        Self {
            values: Moka::builder().max_capacity(max_bytes).weigher(weigh).expire_after(OwnTtl).build(),
            epochs: (0..STRIPES).map(|_| Mutex::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The lock of a key's stripe. A holder that panicked left a number behind that is as good as any.
    fn epoch(&self, key: CacheKey) -> Option<MutexGuard<'_, u64>> {
        let place = usize::try_from(self.hasher.hash_one(key) % 256).ok()?;
        Some(self.epochs.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: CacheKey) -> Lookup {
        match self.values.get(&key) {
            Some(kept) => Lookup::Hit(kept.bytes),
            None => Lookup::Miss(Ticket(self.epoch(key).map_or(0, |epoch| *epoch))),
        }
    }

    async fn put(&self, key: CacheKey, bytes: Arc<[u8]>, ttl: Duration, ticket: Ticket) {
        if let Some(epoch) = self.epoch(key)
            && *epoch == ticket.0
        {
            self.values.insert(key, Kept { bytes, ttl });
        }
    }

    async fn invalidate(&self, keys: &[CacheKey]) {
        for key in keys {
            if let Some(mut epoch) = self.epoch(*key) {
                *epoch += 1;
                self.values.invalidate(key);
            }
        }
    }

    async fn clear(&self) {
        // Every stripe is held until the values are gone, or a load could put one back in between.
        let mut held: Vec<_> =
            self.epochs.iter().map(|epoch| epoch.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        for epoch in &mut held {
            **epoch += 1;
        }
        let known: Vec<CacheKey> = self.values.iter().map(|(key, _)| *key).collect();
        for key in &known {
            self.values.invalidate(key);
        }
    }
}
