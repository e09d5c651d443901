//! A cache in this process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use entrepot_domain::{Cache, CacheKey, CachedValue, Lookup, Ticket};
use quick_cache::{Weighter, sync::Cache as Values};

use crate::elapsed::{Elapsed, since_now};

/// The number of stripes of keys, one per value of a byte. An invalidation also refuses pending loads of other keys in
/// its stripe.
const STRIPES: usize = 256;

/// Caches bytes in this process, up to a maximum size.
///
/// Hits share a read lock, and only mark the value as used; which value is evicted is decided when another one needs
/// its space. The guarantee of [`Cache::invalidate`] is based on an epoch per stripe of keys: a miss returns the epoch
/// as its ticket, an invalidation increments it, and a value is put under the stripe's lock only if its ticket is still
/// the epoch.
///
/// An expired value is not found any more, but stays until its space is needed.
pub struct MemoryCache {
    values: Values<CacheKey, Entry, EntryWeight>,
    epochs: [Mutex<u64>; STRIPES],
    hasher: RandomState,
    elapsed: Elapsed,
}

#[derive(Clone)]
struct Entry {
    value: CachedValue,
    expires_at: Duration,
}

/// The size of a value in bytes.
#[derive(Clone)]
struct EntryWeight;

impl EntryWeight {
    /// The approximate size of key, links and counters.
    const OVERHEAD: u64 = 200;
    /// The approximate size of most entries, which determines the number of shards.
    const TYPICAL: u64 = 500;
}

impl Weighter<CacheKey, Entry> for EntryWeight {
    fn weight(&self, _: &CacheKey, entry: &Entry) -> u64 {
        // Both the bytes and the decoded value.
        u64::try_from(entry.value.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(Self::OVERHEAD)
    }
}

impl MemoryCache {
    /// Creates a cache of about this maximum size.
    pub fn new(max_bytes: u64) -> Self {
        Self::with_time(max_bytes, since_now())
    }

    /// Creates a cache with another clock: the time since some fixed moment, which must not decrease.
    pub fn with_time(max_bytes: u64, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let items = usize::try_from(max_bytes / EntryWeight::TYPICAL).unwrap_or(usize::MAX);
        Self {
            values: Values::with_weighter(items, max_bytes, EntryWeight),
            epochs: [const { Mutex::new(0) }; STRIPES],
            hasher: RandomState::new(),
            elapsed: Box::new(elapsed),
        }
    }

    /// Locks the stripe of a key. If a holder panicked, its number is still usable.
    fn epoch(&self, key: CacheKey) -> Option<MutexGuard<'_, u64>> {
        let [place, ..] = self.hasher.hash_one(key).to_le_bytes();
        Some(self.epochs.get(usize::from(place))?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: CacheKey) -> Lookup {
        match self.values.get(&key) {
            Some(entry) if (self.elapsed)() < entry.expires_at => Lookup::Hit(entry.value),
            _ => Lookup::Miss(Ticket(self.epoch(key).map_or(0, |epoch| *epoch))),
        }
    }

    async fn put(&self, key: CacheKey, bytes: Arc<[u8]>, ttl: Duration, ticket: Ticket) {
        if let Some(epoch) = self.epoch(key)
            && *epoch == ticket.0
        {
            let expires_at = (self.elapsed)().saturating_add(ttl);
            self.values.insert(key, Entry { value: bytes.into(), expires_at });
        }
    }

    async fn invalidate(&self, keys: &[CacheKey]) {
        for key in keys {
            if let Some(mut epoch) = self.epoch(*key) {
                *epoch += 1;
                self.values.remove(key);
            }
        }
    }

    async fn clear(&self) {
        // All stripes are held until the values are removed, or a load could put one back in between.
        let mut held: Vec<_> =
            self.epochs.iter().map(|epoch| epoch.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        for epoch in &mut held {
            **epoch += 1;
        }
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use entrepot_domain::ProductId;
    use uuid::Uuid;

    use super::*;

    const TTL: Duration = Duration::from_mins(5);

    fn product(n: u128) -> CacheKey {
        CacheKey::Product(ProductId(Uuid::from_u128(n)))
    }

    async fn put(cache: &MemoryCache, key: CacheKey, bytes: Arc<[u8]>, ttl: Duration) {
        let Lookup::Miss(ticket) = cache.get(key).await else { panic!("{key:?} is there") };
        cache.put(key, bytes, ttl, ticket).await;
    }

    #[tokio::test]
    async fn value_expires_to_the_millisecond() {
        let millis = Arc::new(AtomicU64::new(0));
        let clock = millis.clone();
        let cache = MemoryCache::with_time(1 << 20, move || Duration::from_millis(clock.load(SeqCst)));
        put(&cache, product(1), Arc::from([1]), TTL).await;
        put(&cache, product(2), Arc::from([2]), Duration::MAX).await;
        millis.store(299_999, SeqCst);
        assert_eq!(cache.get(product(1)).await, Lookup::Hit([1_u8].into()));
        millis.store(300_000, SeqCst);
        put(&cache, product(1), Arc::from([3]), TTL).await;
        assert_eq!(cache.get(product(1)).await, Lookup::Hit([3_u8].into()));
        millis.store(u64::MAX, SeqCst);
        assert_eq!(cache.get(product(2)).await, Lookup::Hit([2_u8].into()));
    }

    #[tokio::test]
    async fn size_is_bounded() {
        let cache = MemoryCache::new(100_000);
        for n in 0..1_000 {
            put(&cache, product(n), Arc::from([0; 1_000]), TTL).await;
        }
        assert!((50_000..=100_000).contains(&cache.values.weight()), "{}", cache.values.weight());
    }

    #[tokio::test]
    async fn poisoned_stripe_still_works() {
        let cache = Arc::new(MemoryCache::new(1 << 20));
        let broken = cache.clone();
        let holder = std::thread::spawn(move || {
            let _held: Vec<_> = broken.epochs.iter().map(|epoch| epoch.lock().unwrap()).collect();
            panic!("on purpose");
        });
        assert!(holder.join().is_err());
        assert!(cache.epochs.iter().all(Mutex::is_poisoned));
        put(&cache, product(1), Arc::from([1]), TTL).await;
        cache.invalidate(&[product(1)]).await;
        put(&cache, product(1), Arc::from([2]), TTL).await;
        assert_eq!(cache.get(product(1)).await, Lookup::Hit([2_u8].into()));
        cache.clear().await;
        put(&cache, product(1), Arc::from([3]), TTL).await;
    }
}
