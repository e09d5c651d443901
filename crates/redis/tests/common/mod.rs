//! What the tests have in common.
#![allow(dead_code, clippy::unwrap_used, reason = "a test may panic, and none needs all of it")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entrepot_domain::{Cache, CacheKey, Lookup, ProductId, Quota, Subject, UserId};
use entrepot_memory::MemoryLimiter;
use entrepot_redis::{Redis, RedisCache, RedisLimiter, RedisOptions};
use uuid::Uuid;

/// Long enough for any test.
pub(crate) const LONG: Duration = Duration::from_mins(5);

/// Longer than anything should take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A beginning of keys that no other test has.
pub(crate) fn fresh_prefix() -> String {
    format!("test:{:016x}:", getrandom::u64().unwrap())
}

/// An instance that minds no hiccup of the machine.
pub(crate) async fn patient(url: &str, prefix: &str) -> Redis {
    let options = RedisOptions::parse(url).unwrap().prefix(prefix).patience(Duration::from_secs(10));
    Redis::connect(options).await.unwrap()
}

/// An instance as it is by default.
pub(crate) async fn instance(url: &str, prefix: &str) -> Redis {
    Redis::connect(RedisOptions::parse(url).unwrap().prefix(prefix)).await.unwrap()
}

/// An instance's cache.
pub(crate) fn cache(redis: &Redis) -> Arc<RedisCache> {
    Arc::new(RedisCache::new(redis.clone(), 1 << 20))
}

/// An instance's limiter.
pub(crate) fn limiter(redis: &Redis) -> Arc<RedisLimiter> {
    Arc::new(RedisLimiter::new(redis.clone(), Arc::new(MemoryLimiter::new(Duration::from_mins(15)))))
}

pub(crate) fn product(n: u128) -> CacheKey {
    CacheKey::Product(ProductId(Uuid::from_u128(n)))
}

pub(crate) fn user(n: u128) -> Subject {
    Subject::User(UserId(Uuid::from_u128(n)))
}

pub(crate) fn quota(limit: u32) -> Quota {
    Quota { limit, window: Duration::from_mins(1) }
}

/// Looks a value up, and puts it if it is missing and may be put.
pub(crate) async fn put(cache: &dyn Cache, n: u128, value: &str) {
    if let Lookup::Miss(ticket) = cache.get(product(n)).await {
        cache.put(product(n), Arc::from(value.as_bytes()), LONG, ticket).await;
    }
}

/// What a look-up finds.
pub(crate) async fn found(cache: &dyn Cache, n: u128) -> Option<String> {
    match cache.get(product(n)).await {
        Lookup::Hit(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Lookup::Miss(_) => None,
    }
}

/// Waits until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until values are kept.
pub(crate) async fn until_kept(cache: &dyn Cache, n: u128, value: &str) {
    until("a value is kept", || async {
        put(cache, n, value).await;
        found(cache, n).await.as_deref() == Some(value)
    })
    .await;
}
