//! Reading through a cache.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entrepot_domain::{Cache, CacheKey, Fault, Lookup, Sample};
use serde::{Serialize, de::DeserializeOwned};

use crate::stripes::Stripes;

/// A cache with what is needed to fill it: typed values, a time to live, and one load at a time for one key.
pub(crate) struct ReadThrough {
    cache: Arc<dyn Cache>,
    ttl: Duration,
    loading: Stripes,
    counts: Counts,
}

/// What became of look-ups. On a cache line of their own, for every processor counts hits.
#[derive(Default)]
#[repr(align(64))]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    loads: AtomicU64,
}

impl ReadThrough {
    pub(crate) fn new(cache: Arc<dyn Cache>, ttl: Duration) -> Self {
        Self { cache, ttl, loading: Stripes::new(), counts: Counts::default() }
    }

    /// The cached value, or what `load` brings, which is then kept. Absence is not kept: it costs the store a look-up,
    /// and saves the cache from being filled with things that do not exist.
    ///
    /// `load` is called on a miss alone: to make a store's future and throw it away costs more than the whole hit.
    pub(crate) async fn get<T, F>(&self, key: CacheKey, load: impl FnOnce() -> F + Send) -> Result<Option<T>, Fault>
    where
        T: Any + Clone + Send + Sync + Serialize + DeserializeOwned,
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        let as_bytes = AsBytes { read: |bytes| postcard::from_bytes(bytes).ok(), write: |value| to_bytes(value) };
        self.get_as(&as_bytes, key, load).await
    }

    /// The same of something that has its own way of becoming bytes.
    pub(crate) async fn get_as<T, F>(
        &self,
        as_bytes: &AsBytes<T>,
        key: CacheKey,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Option<T>, Fault>
    where
        T: Any + Clone + Send + Sync,
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        if let Lookup::Hit(kept) = self.cache.get(key).await
            && let Some(value) = kept.read_as(as_bytes.read)
        {
            self.counts.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(value));
        }
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        // In a box of its own, so that the future of a hit stays small.
        Box::pin(self.load_as(as_bytes, key, load)).await
    }

    async fn load_as<T, F>(
        &self,
        as_bytes: &AsBytes<T>,
        key: CacheKey,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Option<T>, Fault>
    where
        T: Any + Clone + Send + Sync,
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        let _held = self.loading.hold(&key).await;
        let ticket = match self.cache.get(key).await {
            Lookup::Hit(kept) => {
                if let Some(value) = kept.read_as(as_bytes.read) {
                    return Ok(Some(value));
                }
                // Bytes of another layout: load, and leave them to run out.
                self.counts.loads.fetch_add(1, Ordering::Relaxed);
                return load().await;
            }
            Lookup::Miss(ticket) => ticket,
        };
        self.counts.loads.fetch_add(1, Ordering::Relaxed);
        let loaded = load().await?;
        if let Some(value) = &loaded
            && let Some(bytes) = (as_bytes.write)(value)
        {
            self.cache.put(key, bytes.into(), self.ttl, ticket).await;
        }
        Ok(loaded)
    }

    /// What became of look-ups, of what is kept under this name.
    pub(crate) fn samples(&self, of: &'static str) -> Vec<Sample> {
        let Counts { hits, misses, loads } = &self.counts;
        let count = |name, help, counted: &AtomicU64| {
            Sample::counter(name, help, counted.load(Ordering::Relaxed)).with("of", of)
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

    pub(crate) async fn forget(&self, keys: &[CacheKey]) {
        forget(&*self.cache, keys).await;
    }
}

/// Forgets these keys; a writer does so before it answers.
pub(crate) async fn forget(cache: &dyn Cache, keys: &[CacheKey]) {
    if !keys.is_empty() {
        cache.invalidate(keys).await;
    }
}

/// How something becomes bytes, and bytes become it again; `None` where they do not.
pub(crate) struct AsBytes<T> {
    pub(crate) read: fn(&[u8]) -> Option<T>,
    pub(crate) write: fn(&T) -> Option<Vec<u8>>,
}

/// The bytes of a value.
pub(crate) fn to_bytes(value: &impl Serialize) -> Option<Vec<u8>> {
    postcard::to_stdvec(value).ok()
}
