//! Reading through a cache.

use std::{sync::Arc, time::Duration};

use entrepot_domain::{Cache, CacheKey, Fault, Lookup};
use serde::{Serialize, de::DeserializeOwned};

use crate::stripes::Stripes;

/// A cache with what is needed to fill it: typed values, a time to live, and one load at a time for one key.
pub(crate) struct ReadThrough {
    cache: Arc<dyn Cache>,
    ttl: Duration,
    loading: Stripes,
}

impl ReadThrough {
    pub(crate) fn new(cache: Arc<dyn Cache>, ttl: Duration) -> Self {
        Self { cache, ttl, loading: Stripes::new() }
    }

    /// The cached value, or what `load` brings, which is then kept. Absence is not kept: it costs the store a look-up,
    /// and saves the cache from being filled with things that do not exist.
    ///
    /// `load` is called on a miss alone: to make a store's future and throw it away costs more than the whole hit.
    pub(crate) async fn get<T, F>(&self, key: CacheKey, load: impl FnOnce() -> F + Send) -> Result<Option<T>, Fault>
    where
        T: Serialize + DeserializeOwned,
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
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        if let Lookup::Hit(bytes) = self.cache.get(key).await
            && let Some(value) = (as_bytes.read)(&bytes)
        {
            return Ok(Some(value));
        }
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
        F: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        let _held = self.loading.hold(&key).await;
        let ticket = match self.cache.get(key).await {
            Lookup::Hit(bytes) => match (as_bytes.read)(&bytes) {
                Some(value) => return Ok(Some(value)),
                // Bytes of another layout: load, and leave them to run out.
                None => return load().await,
            },
            Lookup::Miss(ticket) => ticket,
        };
        let loaded = load().await?;
        if let Some(value) = &loaded
            && let Some(bytes) = (as_bytes.write)(value)
        {
            self.cache.put(key, bytes.into(), self.ttl, ticket).await;
        }
        Ok(loaded)
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
