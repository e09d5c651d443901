//! The contract suites of the cache and the rate limits.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

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

/// A clock that only advances when told to.
#[derive(Clone, Default)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    fn elapsed(&self) -> impl Fn() -> Duration + Send + Sync + 'static {
        let millis = self.0.clone();
        move || Duration::from_millis(millis.load(Ordering::SeqCst))
    }

    fn advance(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

struct Caches {
    cache: Arc<MemoryCache>,
    clock: ManualClock,
}

impl Caches {
    fn new() -> Self {
        let clock = ManualClock::default();
        Self { cache: Arc::new(MemoryCache::with_time(4 << 20, clock.elapsed())), clock }
    }
}

impl CacheHarness for Caches {
    fn cache(&self) -> Arc<dyn Cache> {
        self.cache.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

entrepot_contract::cache_suite!(Caches::new());

struct Limiters {
    limiter: Arc<MemoryLimiter>,
    clock: ManualClock,
}

impl Limiters {
    fn new() -> Self {
        let clock = ManualClock::default();
        Self { limiter: Arc::new(MemoryLimiter::with_time(Duration::from_mins(15), clock.elapsed())), clock }
    }
}

impl LimitHarness for Limiters {
    fn limiter(&self) -> Arc<dyn RateLimiter> {
        self.limiter.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

entrepot_contract::limit_suite!(Limiters::new());
