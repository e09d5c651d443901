//! A Redis that dies, hangs and comes back.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{
    LONG, cache, found, fresh_prefix, instance, limiter, product, put, quota, until_cached, until_shared, user,
};
use entrepot_domain::{Cache, HealthCheck, Lookup, RateLimiter};
use entrepot_redis::{RedisCache, RedisLimiter};
use entrepot_testkit::Redis as Server;

/// The most that one operation may take when Redis has just failed.
const MAX_FIRST: Duration = Duration::from_millis(300);

/// The most that the median of later ones may be.
const MAX_MEDIAN: Duration = Duration::from_millis(1);

async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

/// Every operation is bounded the first time, and takes almost no time afterwards.
async fn assert_bounded_delay(cache: &RedisCache, limiter: &RedisLimiter) {
    let mut later: [Vec<Duration>; 5] = Default::default();
    for round in 0..=100 {
        let took = [
            timed(cache.get(product(1))).await,
            timed(limiter.hit(&user(9), quota(1_000))).await,
            timed(limiter.peek(&user(9), quota(1_000))).await,
            timed(put(cache, 1, "new")).await,
            timed(cache.invalidate(&[product(2)])).await,
        ];
        assert!(took.iter().all(|took| *took <= MAX_FIRST), "round {round}: {took:?}");
        if round > 0 {
            later.iter_mut().zip(took).for_each(|(all, took)| all.push(took));
        }
    }
    for (operation, mut took) in later.into_iter().enumerate() {
        took.sort();
        let median = took.get(took.len() / 2).unwrap();
        assert!(*median < MAX_MEDIAN, "operation {operation}: {took:?}");
    }
}

async fn assert_limits_hold(limiter: &RedisLimiter, n: u128) {
    let mut allowed = 0;
    for _ in 0..10 {
        allowed += u32::from(limiter.hit(&user(n), quota(3)).await.allowed);
    }
    assert_eq!(allowed, 3);
    assert!(!limiter.peek(&user(n), quota(3)).await.allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_redis_delays_little_and_is_used_again() {
    let mut server = Server::start().await.unwrap();
    let (url, prefix) = (server.url(), fresh_prefix());
    let (here, there) = (instance(&url, &prefix).await, instance(&url, &prefix).await);
    let (values, limits, others) = (cache(&here), limiter(&here), limiter(&there));
    put(&*values, 1, "old").await;
    assert_eq!(found(&*values, 1).await.as_deref(), Some("old"));
    let Lookup::Miss(before) = values.get(product(3)).await else { panic!() };
    assert!(here.check().await.is_ok());
    assert!(here.name() == "redis" && !here.required());

    server.kill();
    assert_bounded_delay(&values, &limits).await;
    assert_eq!(found(&*values, 1).await, None);
    assert_limits_hold(&limits, 1).await;
    assert!(here.check().await.is_err());

    server.restart().await.unwrap();
    until_cached(&*values, 1, "new").await;
    until_shared(&limits, &others).await;
    assert!(here.check().await.is_ok());
    values.put(product(3), Arc::from(*b"old"), LONG, before).await;
    assert_eq!(found(&*values, 3).await, None, "a load from before the restart was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hung_redis_delays_little_and_is_used_again() {
    let server = Server::start().await.unwrap();
    let (url, prefix) = (server.url(), fresh_prefix());
    let (here, there) = (instance(&url, &prefix).await, instance(&url, &prefix).await);
    let (values, limits, others) = (cache(&here), limiter(&here), limiter(&there));
    put(&*values, 1, "old").await;

    server.freeze();
    assert_bounded_delay(&values, &limits).await;
    assert_limits_hold(&limits, 1).await;
    // Long enough that the silent connection is replaced.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(here.check().await.is_err());
    assert_bounded_delay(&values, &limits).await;

    server.thaw();
    until_cached(&*values, 1, "old").await;
    until_shared(&limits, &others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_during_an_outage_are_invalidated_before_the_cache_is_used() {
    let server = Server::start().await.unwrap();
    let (url, prefix) = (server.url(), fresh_prefix());
    let (here, there) = (instance(&url, &prefix).await, instance(&url, &prefix).await);
    let caches = [cache(&here), cache(&there)];
    for n in 0..100 {
        put(&*caches[0], n, "old").await;
    }
    server.freeze();
    // The first one runs into the time-out.
    for n in 0..50 {
        caches[0].invalidate(&[product(n)]).await;
    }
    let began = Instant::now();
    server.thaw();
    let mut kept = false;
    while !kept {
        for cache in &caches {
            for n in 0..50 {
                assert_eq!(found(&**cache, n).await, None, "after {:?}", began.elapsed());
            }
        }
        put(&*caches[1], 200, "new").await;
        kept = found(&*caches[0], 200).await.is_some();
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(found(&*caches[1], 99).await.as_deref(), Some("old"), "a value that was not written is still cached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn start_without_redis_succeeds() {
    let mut server = Server::start().await.unwrap();
    server.kill();
    let began = Instant::now();
    let redis = instance(&server.url(), &fresh_prefix()).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let (values, limits) = (cache(&redis), limiter(&redis));
    assert_bounded_delay(&values, &limits).await;
    assert_limits_hold(&limits, 1).await;
    assert!(redis.check().await.is_err());
    server.restart().await.unwrap();
    until_cached(&*values, 1, "mug").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_after_closing_are_served_without_redis() {
    let server = Server::start().await.unwrap();
    let redis = instance(&server.url(), &fresh_prefix()).await;
    let (values, limits) = (cache(&redis), limiter(&redis));
    put(&*values, 1, "mug").await;
    redis.close().await;
    assert_eq!(found(&*values, 1).await, None);
    values.invalidate(&[product(1)]).await;
    assert_limits_hold(&limits, 1).await;
    assert!(redis.check().await.is_err());
}
