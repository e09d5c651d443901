//! The contract suites of cache and limits, on a single Redis, a cluster, and a Redis behind a sentinel.
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
    async fn new(url: impl Future<Output = anyhow::Result<String>>) -> Self {
        let redis: Redis = common::patient(&url.await.unwrap(), &common::fresh_prefix()).await;
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

/// Makes a test of each case, on the Redis with that URL.
macro_rules! suites {
    ($kind:ident, $url:expr) => {
        mod $kind {
            use super::*;

            entrepot_contract::cache_suite!(Harness::new($url).await);

            entrepot_contract::limit_suite!(Harness::new($url).await);
        }
    };
}

suites!(single, entrepot_testkit::redis_url());

suites!(cluster, entrepot_testkit::redis_cluster_url());

suites!(sentinel, entrepot_testkit::redis_sentinel_url());
