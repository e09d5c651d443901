//! Reading through a cache.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entrepot_domain::{Cache, CacheKey, Fault, Lookup, Sample, StripedLock};
use serde::{Serialize, de::DeserializeOwned};

/// A cache of typed values, with a time to live, and one load at a time for one key.
pub(crate) struct ReadThrough {
    cache: Arc<dyn Cache>,
    ttl: Duration,
    loading: StripedLock,
    counts: Counts,
}

/// How look-ups ended. Aligned to a cache line of its own, because every processor counts hits.
#[derive(Default)]
#[repr(align(64))]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
}

/// How a value becomes bytes and is read from them again; `None` where that fails.
pub(crate) struct Codec<T> {
    pub(crate) decode: fn(&[u8]) -> Option<T>,
    pub(crate) encode: fn(&T) -> Option<Vec<u8>>,
}

impl<T: Serialize + DeserializeOwned> Codec<T> {
    const POSTCARD: Self = Self { decode: |bytes| postcard::from_bytes(bytes).ok(), encode: |value| to_bytes(value) };
}

impl ReadThrough {
    pub(crate) fn new(cache: Arc<dyn Cache>, ttl: Duration) -> Self {
        Self { cache, ttl, loading: StripedLock::new(), counts: Counts::default() }
    }

    /// The cached value, or the one that `load` returns, which is then cached. Absence is not cached: that costs the
    /// store a look-up, and saves the cache from being filled with keys that do not exist.
    ///
    /// `load` is called on a miss only: to make a store's future and drop it costs more than the whole hit.
    pub(crate) async fn get<T, F>(&self, key: CacheKey, load: impl FnOnce() -> F + Send) -> Result<Option<T>, Fault>
    where
        T: Any + Clone + Send + Sync + Serialize + DeserializeOwned,
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        self.get_with(&Codec::POSTCARD, key, load).await
    }

    /// The same for a type that has its own codec.
    pub(crate) async fn get_with<T, F>(
        &self,
        codec: &Codec<T>,
        key: CacheKey,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Option<T>, Fault>
    where
        T: Any + Clone + Send + Sync,
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        if let Lookup::Hit(cached) = self.cache.get(key).await
            && let Some(value) = cached.decode_as(codec.decode)
        {
            self.counts.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(value));
        }
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        // Boxed, so that the future of a hit stays small.
        Box::pin(self.load(codec, key, load)).await
    }

    async fn load<T, F>(
        &self,
        codec: &Codec<T>,
        key: CacheKey,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Option<T>, Fault>
    where
        T: Any + Clone + Send + Sync,
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        let _guard = self.loading.lock(&key).await;
        let ticket = match self.cache.get(key).await {
            Lookup::Hit(cached) => {
                if let Some(value) = cached.decode_as(codec.decode) {
                    return Ok(Some(value));
                }
                // Bytes of another layout: load, and let them expire.
                self.counts.loads.fetch_add(1, Ordering::Relaxed);
                return load().await;
            }
            Lookup::Miss(ticket) => ticket,
        };
        self.counts.loads.fetch_add(1, Ordering::Relaxed);
        let loaded = load().await?;
        if let Some(value) = &loaded
            && let Some(bytes) = (codec.encode)(value)
        {
            self.cache.put(key, bytes.into(), self.ttl, ticket).await;
        }
        Ok(loaded)
    }

    /// How look-ups ended; `of` names what is cached.
    pub(crate) fn samples(&self, of: &'static str) -> Vec<Sample> {
        let Counts { hits, misses, loads } = &self.counts;
        let count = |name, help, counter: &AtomicU64| {
            Sample::counter(name, help, counter.load(Ordering::Relaxed)).with("of", of)
        };
        vec![
            count("cache_hits_total", "Look-ups that the cache answered.", hits),
            count("cache_misses_total", "Look-ups that the cache could not answer at once.", misses),
            count(
                "cache_loads_total",
                "Misses for which the store was asked; the others waited for one of these.",
                loads,
            ),
        ]
    }

    pub(crate) async fn invalidate(&self, keys: &[CacheKey]) {
        invalidate(&*self.cache, keys).await;
    }
}

/// Invalidates these keys, if there are any. Writers call it before they return.
pub(crate) async fn invalidate(cache: &dyn Cache, keys: &[CacheKey]) {
    if !keys.is_empty() {
        cache.invalidate(keys).await;
    }
}

/// The value as postcard writes it.
pub(crate) fn to_bytes(value: &impl Serialize) -> Option<Vec<u8>> {
    postcard::to_stdvec(value).ok()
}
