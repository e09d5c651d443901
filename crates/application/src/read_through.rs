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
    pub(crate) async fn get<T, F>(&self, key: CacheKey, load: F) -> Result<Option<T>, Fault>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<Option<T>, Fault>>,
    {
        if let Lookup::Hit(bytes) = self.cache.get(key).await
            && let Some(value) = decode(&bytes)
        {
            return Ok(Some(value));
        }
        let _held = self.loading.hold(&key).await;
        let ticket = match self.cache.get(key).await {
            Lookup::Hit(bytes) => match decode(&bytes) {
                Some(value) => return Ok(Some(value)),
                // Bytes of another layout: load, and leave them to run out.
                None => return load.await,
            },
            Lookup::Miss(ticket) => ticket,
        };
        let loaded = load.await?;
        if let Some(value) = &loaded
            && let Ok(bytes) = postcard::to_stdvec(value)
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

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}
