//! The contract suites of the cache and of the limits, on a real Redis.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{sync::Arc, time::Duration};

use entrepot_contract::{cache::CacheHarness, limit::LimitHarness};
use entrepot_domain::{Cache, RateLimiter};
use entrepot_redis::{Redis, RedisCache, RedisLimiter};

struct Harness {
    cache: Arc<RedisCache>,
    limiter: Arc<RedisLimiter>,
}

impl Harness {
    async fn new() -> Self {
        let url = entrepot_testkit::redis_url().await.unwrap();
        let redis: Redis = common::patient(&url, &common::fresh_prefix()).await;
        Self { cache: common::cache(&redis), limiter: common::limiter(&redis) }
    }
}

impl CacheHarness for Harness {
    fn cache(&self) -> Arc<dyn Cache> {
        self.cache.clone()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

impl LimitHarness for Harness {
    fn limiter(&self) -> Arc<dyn RateLimiter> {
        self.limiter.clone()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

entrepot_contract::cache_suite!(Harness::new().await);

entrepot_contract::limit_suite!(Harness::new().await);
