//! A Redis that dies, hangs and comes back.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{
    LONG, cache, found, fresh_prefix, instance, limiter, product, put, quota, until_kept, until_shared, user,
};
use entrepot_domain::{Cache, HealthCheck, Lookup, RateLimiter};
use entrepot_redis::{RedisCache, RedisLimiter};
use entrepot_testkit::Redis as Server;

/// The most that one operation may take when Redis has just gone.
const ONCE: Duration = Duration::from_millis(300);

/// The most that it usually takes from then on.
const THEN: Duration = Duration::from_millis(1);

async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

/// What each operation takes: the first time at most so long, and then usually nothing.
async fn assert_costs_little(cache: &RedisCache, limiter: &RedisLimiter) {
    let mut later: [Vec<Duration>; 5] = Default::default();
    for round in 0..=100 {
        let took = [
            timed(cache.get(product(1))).await,
            timed(limiter.hit(&user(9), quota(1_000))).await,
            timed(limiter.peek(&user(9), quota(1_000))).await,
            timed(put(cache, 1, "new")).await,
            timed(cache.invalidate(&[product(2)])).await,
        ];
        assert!(took.iter().all(|took| *took <= ONCE), "round {round}: {took:?}");
        if round > 0 {
            later.iter_mut().zip(took).for_each(|(all, took)| all.push(took));
        }
    }
    for (operation, mut took) in later.into_iter().enumerate() {
        took.sort();
        let median = took.get(took.len() / 2).unwrap();
        assert!(*median < THEN, "operation {operation}: {took:?}");
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
async fn a_redis_that_was_killed_costs_little_and_comes_back() {
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
    assert_costs_little(&values, &limits).await;
    assert_eq!(found(&*values, 1).await, None);
    assert_limits_hold(&limits, 1).await;
    assert!(here.check().await.is_err());

    server.restart().await.unwrap();
    until_kept(&*values, 1, "new").await;
    until_shared(&limits, &others).await;
    assert!(here.check().await.is_ok());
    values.put(product(3), Arc::from(*b"old"), LONG, before).await;
    assert_eq!(found(&*values, 3).await, None, "a load from before the restart was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_that_hangs_costs_little_and_comes_back() {
    let server = Server::start().await.unwrap();
    let (url, prefix) = (server.url(), fresh_prefix());
    let (here, there) = (instance(&url, &prefix).await, instance(&url, &prefix).await);
    let (values, limits, others) = (cache(&here), limiter(&here), limiter(&there));
    put(&*values, 1, "old").await;

    server.freeze();
    assert_costs_little(&values, &limits).await;
    assert_limits_hold(&limits, 1).await;
    // So long that the connection is given up and made anew, which must not be the end of it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(here.check().await.is_err());
    assert_costs_little(&values, &limits).await;

    server.thaw();
    until_kept(&*values, 1, "old").await;
    until_shared(&limits, &others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_written_while_redis_hung_is_forgotten_before_anything_is_served() {
    let server = Server::start().await.unwrap();
    let (url, prefix) = (server.url(), fresh_prefix());
    let (here, there) = (instance(&url, &prefix).await, instance(&url, &prefix).await);
    let caches = [cache(&here), cache(&there)];
    for n in 0..100 {
        put(&*caches[0], n, "old").await;
    }
    server.freeze();
    // The first one finds out by itself that Redis does not answer.
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
    assert_eq!(found(&*caches[1], 99).await.as_deref(), Some("old"), "what was not written need not be forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beginning_without_redis_is_no_failure() {
    let mut server = Server::start().await.unwrap();
    server.kill();
    let began = Instant::now();
    let redis = instance(&server.url(), &fresh_prefix()).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let (values, limits) = (cache(&redis), limiter(&redis));
    assert_costs_little(&values, &limits).await;
    assert_limits_hold(&limits, 1).await;
    assert!(redis.check().await.is_err());
    server.restart().await.unwrap();
    until_kept(&*values, 1, "mug").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_asked_after_closing_is_served_without() {
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
