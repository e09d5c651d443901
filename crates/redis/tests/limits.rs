//! The limits: exact where they must be, without waiting where they may, within the documented bound.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Proxy, fresh_prefix, limiter, patient, quota, until, user};
use entrepot_domain::{RateLimiter as _, Subject};
use entrepot_redis::RedisLimiter;
use entrepot_testkit::Redis as Server;
use futures_util::{FutureExt as _, future::join_all};

/// The limit of a user by default. An instance may let seven hits through that Redis has not counted.
const LIMIT: u32 = 1_000;
const MAX_UNCOUNTED: u32 = 7;

/// The limiters of two instances.
async fn two(url: &str) -> [Arc<RedisLimiter>; 2] {
    let prefix = fresh_prefix();
    [limiter(&patient(url, &prefix).await), limiter(&patient(url, &prefix).await)]
}

/// Hits one after the other, and returns how many were allowed.
async fn storm(limiter: Arc<RedisLimiter>, subject: Subject, limit: u32, times: u32) -> u32 {
    let mut allowed = 0;
    for _ in 0..times {
        allowed += u32::from(limiter.hit(&subject, quota(limit)).await.allowed);
    }
    allowed
}

/// Six tasks that hit as often as they can; returns how many hits were allowed.
async fn storms(limiters: &[Arc<RedisLimiter>], subject: &Subject, limit: u32, times: u32) -> u32 {
    let tasks = (0..6).map(|n| {
        let limiter = limiters[n % limiters.len()].clone();
        tokio::spawn(storm(limiter, subject.clone(), limit, times))
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).sum()
}

async fn until_remaining(limiter: &RedisLimiter, subject: &Subject, limit: u32, remaining: u32) {
    until("all hits are counted", || async { limiter.peek(subject, quota(limit)).await.remaining == remaining }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn far_from_the_limit_hits_do_not_wait_and_are_counted_soon() {
    let server = Server::start().await.unwrap();
    let [here, there] = two(&server.url()).await;
    let subject = user(1);
    assert_eq!(here.hit(&subject, quota(LIMIT)).await.remaining, LIMIT - 1);
    server.freeze();
    let mut waiting = None;
    for n in 0..=MAX_UNCOUNTED {
        let (here, subject) = (here.clone(), subject.clone());
        let mut hit = Box::pin(async move { here.hit(&subject, quota(LIMIT)).await });
        match (&mut hit).now_or_never() {
            Some(decision) => assert!(n < MAX_UNCOUNTED && decision.remaining == LIMIT - 2 - n, "{n}: {decision:?}"),
            None => waiting = Some((n, hit)),
        }
    }
    let (n, hit) = waiting.unwrap();
    assert_eq!(n, MAX_UNCOUNTED);
    server.thaw();
    assert_eq!(hit.await.remaining, LIMIT - 2 - MAX_UNCOUNTED);
    assert_eq!(there.peek(&subject, quota(LIMIT)).await.remaining, LIMIT - 2 - MAX_UNCOUNTED);
    // No caller waits for these hits, but they are reported.
    assert!(here.hit(&subject, quota(LIMIT)).now_or_never().is_some());
    until_remaining(&there, &subject, LIMIT, LIMIT - 3 - MAX_UNCOUNTED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hits_that_wait_are_sent_together() {
    const USERS: u128 = 200;
    let server = Server::start().await.unwrap();
    let [here, _] = two(&server.url()).await;
    here.hit(&user(0), quota(LIMIT)).await;
    let calls = async || {
        let stats = server.ask("INFO commandstats").await.unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap();
        line.split(',').next().unwrap().parse::<u32>().unwrap()
    };
    let before = calls().await;
    server.freeze();
    let began = Instant::now();
    let hits: Vec<_> = (1..=USERS)
        .map(|n| {
            let here = here.clone();
            tokio::spawn(async move { here.hit(&user(n), quota(LIMIT)).await.remaining })
        })
        .collect();
    while began.elapsed() < Duration::from_millis(50) {
        tokio::task::yield_now().await;
    }
    server.thaw();
    for hit in hits {
        assert_eq!(hit.await.unwrap(), LIMIT - 1);
    }
    // Both instances probe Redis with a script as well.
    let calls = calls().await - before;
    assert!(calls < 20, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_instance_never_exceeds_a_limit() {
    let [here, _] = two(&entrepot_testkit::redis_url().await.unwrap()).await;
    for (n, limit) in [(1, 5), (2, 100), (3, LIMIT), (4, 5_000)] {
        let allowed = storms(std::slice::from_ref(&here), &user(n), limit, limit / 3).await;
        assert_eq!(allowed, limit.min(limit / 3 * 6));
    }
}

/// Answers are late, so that both instances decide by what they knew before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_exceed_a_limit_by_no_more_than_the_bound() {
    let url = entrepot_testkit::redis_url().await.unwrap();
    let proxy = Proxy::start(&url).await;
    let prefix = fresh_prefix();
    let limiters = [limiter(&patient(&url, &prefix).await), limiter(&patient(&proxy.url(), &prefix).await)];
    proxy.delay(Duration::from_millis(20));
    let allowed = storms(&limiters, &user(1), LIMIT, LIMIT / 2).await;
    assert!((LIMIT..=LIMIT + 2 * MAX_UNCOUNTED).contains(&allowed), "{allowed}");
    let allowed = storms(&limiters, &user(2), 100, 50).await;
    assert_eq!(allowed, 100, "a limit below 128 is exact");
    let allowed = storms(&limiters, &user(3), 5, 5).await;
    assert_eq!(allowed, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instance_with_an_old_answer_keeps_the_limit() {
    let [here, there] = two(&entrepot_testkit::redis_url().await.unwrap()).await;
    let subject = user(1);
    here.hit(&subject, quota(LIMIT)).await;
    let mut allowed = 1 + storm(there.clone(), subject.clone(), LIMIT, LIMIT).await;
    allowed += storm(here.clone(), subject.clone(), LIMIT, LIMIT).await;
    assert!((LIMIT..=LIMIT + MAX_UNCOUNTED).contains(&allowed), "{allowed}");
    assert!(!here.hit(&subject, quota(LIMIT)).await.allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refused_subject_sends_no_command_to_redis() {
    let server = Server::start().await.unwrap();
    let [here, _] = two(&server.url()).await;
    let subject = user(1);
    assert!(here.hit(&subject, quota(1)).await.allowed);
    assert!(!here.hit(&subject, quota(1)).await.allowed);
    server.freeze();
    let decision = here.hit(&subject, quota(1)).now_or_never().unwrap();
    assert!(!decision.allowed && decision.remaining == 0 && decision.resets_in <= quota(1).window, "{decision:?}");
    server.thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_hit_is_counted_once() {
    let limiters = two(&entrepot_testkit::redis_cluster_url().await.unwrap()).await;
    assert_eq!(storms(&limiters, &user(1), 1_000_000, 1_000).await, 6_000);
    for limiter in &limiters {
        until_remaining(limiter, &user(1), 1_000_000, 1_000_000 - 6_000).await;
    }
}
