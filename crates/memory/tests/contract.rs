//! The contract suites of the cache and of the limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entrepot_contract::{cache::CacheHarness, limit::LimitHarness};
use entrepot_domain::{Cache, RateLimiter};
use entrepot_memory::{MemoryCache, MemoryLimiter};

struct Caches(Arc<MemoryCache>);

impl CacheHarness for Caches {
    fn cache(&self) -> Arc<dyn Cache> {
        self.0.clone()
    }

    // The cache reads the machine's clock, so time must pass for real.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

entrepot_contract::cache_suite!(Caches(Arc::new(MemoryCache::new(1 << 20))));

struct Limiters {
    limiter: Arc<MemoryLimiter>,
    millis: Arc<AtomicU64>,
}

impl Limiters {
    fn new() -> Self {
        let millis = Arc::new(AtomicU64::new(0));
        let clock = millis.clone();
        let elapsed = move || Duration::from_millis(clock.load(Ordering::SeqCst));
        Self { limiter: Arc::new(MemoryLimiter::with_time(Duration::from_mins(15), elapsed)), millis }
    }
}

impl LimitHarness for Limiters {
    fn limiter(&self) -> Arc<dyn RateLimiter> {
        self.limiter.clone()
    }

    async fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

entrepot_contract::limit_suite!(Limiters::new());
