//! Several instances that share one Redis, or one cluster.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread,
    time::{Duration, Instant},
};

use common::{LONG, cache, found, fresh_prefix, limiter, patient, product, put, quota, user};
use entrepot_domain::{Cache, Lookup, RateLimiter, event::EventSignal};
use entrepot_redis::{Redis, RedisCache, RedisSignal};
use futures_util::FutureExt;

/// Makes a test of each case on a single Redis, and another on a cluster.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        mod single {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    super::$case(super::two(&entrepot_testkit::redis_url().await.unwrap()).await).await;
                }
            )+
        }

        mod cluster {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    super::$case(super::two(&entrepot_testkit::redis_cluster_url().await.unwrap()).await).await;
                }
            )+
        }
    };
}

cases! {
    no_instance_reads_a_value_from_before_an_answered_write,
    value_is_shared_until_either_instance_invalidates_it,
    many_keys_are_invalidated_at_once,
    write_does_not_wait_for_readers_of_its_own_instance,
    of_300_concurrent_hits_100_are_allowed,
    remainder_is_right_when_instances_alternate,
    dropped_call_is_completed,
    instances_wake_each_other,
}

async fn two(url: &str) -> (Redis, Redis) {
    let prefix = fresh_prefix();
    (patient(url, &prefix).await, patient(url, &prefix).await)
}

#[derive(Default)]
struct Value {
    truth: AtomicU64,
    answered: AtomicU64,
}

/// Reads a value until that time, and returns how often it was cached.
async fn read(cache: Arc<RedisCache>, n: u128, value: Arc<Value>, until: Instant) -> u64 {
    let mut hits = 0;
    while Instant::now() < until {
        let least = value.answered.load(SeqCst);
        let seen = match cache.get(product(n)).await {
            Lookup::Hit(bytes) => {
                hits += 1;
                u64::from_be_bytes((*bytes).try_into().unwrap())
            }
            Lookup::Miss(ticket) => {
                let loaded = value.truth.load(SeqCst);
                tokio::task::yield_now().await;
                cache.put(product(n), Arc::from(loaded.to_be_bytes()), LONG, ticket).await;
                loaded
            }
        };
        assert!(seen >= least, "value {n}: saw {seen} after {least} was answered");
        tokio::task::yield_now().await;
    }
    hits
}

/// Writes a value until that time, on both instances in turn, and returns how often.
async fn write(caches: [Arc<RedisCache>; 2], n: u128, value: Arc<Value>, until: Instant) -> u64 {
    let mut writes = 0;
    for cache in caches.iter().cycle() {
        if Instant::now() >= until {
            break;
        }
        writes += 1;
        value.truth.store(writes, SeqCst);
        cache.invalidate(&[product(n)]).await;
        value.answered.store(writes, SeqCst);
        // Sometimes at once, and sometimes after the readers have cached it again.
        tokio::time::sleep(Duration::from_millis(writes % 4)).await;
    }
    writes
}

async fn no_instance_reads_a_value_from_before_an_answered_write((here, there): (Redis, Redis)) {
    let caches = [cache(&here), cache(&there)];
    let until = Instant::now() + Duration::from_secs(2);
    let (mut reading, mut writing) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let value = Arc::new(Value::default());
        for cache in &caches {
            reading.push(tokio::spawn(read(cache.clone(), n, value.clone(), until)));
        }
        writing.push(tokio::spawn(write(caches.clone(), n, value, until)));
    }
    let (mut hits, mut writes) = (0, 0);
    for reader in reading {
        hits += reader.await.unwrap();
    }
    for writer in writing {
        writes += writer.await.unwrap();
    }
    // Far fewer than on an idle machine, and enough to have seen something.
    assert!(hits > 400 && writes > 400, "{hits} hits, {writes} writes");
}

async fn value_is_shared_until_either_instance_invalidates_it((here, there): (Redis, Redis)) {
    let (here, there) = (cache(&here), cache(&there));
    put(&*here, 1, "mug").await;
    assert_eq!(found(&*there, 1).await.as_deref(), Some("mug"));
    there.invalidate(&[product(1)]).await;
    assert_eq!(found(&*here, 1).await, None);
    put(&*there, 1, "cup").await;
    put(&*there, 2, "pot").await;
    assert_eq!(found(&*here, 1).await.as_deref(), Some("cup"));
    there.clear().await;
    assert_eq!((found(&*here, 1).await, found(&*here, 2).await), (None, None));
}

async fn many_keys_are_invalidated_at_once((here, there): (Redis, Redis)) {
    let (here, there) = (cache(&here), cache(&there));
    for n in 0..500 {
        put(&*here, n, "old").await;
    }
    let keys: Vec<_> = (0..499).map(product).collect();
    there.invalidate(&keys).await;
    for n in 0..499 {
        assert_eq!(found(&*here, n).await, None, "{n}");
    }
    assert_eq!(found(&*here, 499).await.as_deref(), Some("old"));
}

async fn write_does_not_wait_for_readers_of_its_own_instance((here, _): (Redis, Redis)) {
    let cache = cache(&here);
    let mut quickest = Duration::MAX;
    for _ in 0..50 {
        put(&*cache, 1, "mug").await;
        assert_eq!(found(&*cache, 1).await.as_deref(), Some("mug"));
        let began = Instant::now();
        cache.invalidate(&[product(1)]).await;
        quickest = quickest.min(began.elapsed());
    }
    assert!(quickest < Duration::from_millis(5), "{quickest:?}");
}

async fn of_300_concurrent_hits_100_are_allowed((here, there): (Redis, Redis)) {
    let limiters = [limiter(&here), limiter(&there)];
    for subject in (0..5).map(user) {
        let hits: Vec<_> = (0..300)
            .map(|n: usize| {
                let (limiter, subject) = (limiters[n % 2].clone(), subject.clone());
                tokio::spawn(async move { limiter.hit(&subject, quota(100)).await.allowed })
            })
            .collect();
        let mut allowed = 0;
        for hit in hits {
            allowed += u32::from(hit.await.unwrap());
        }
        assert_eq!(allowed, 100);
    }
}

async fn remainder_is_right_when_instances_alternate((here, there): (Redis, Redis)) {
    let limiters = [limiter(&here), limiter(&there)];
    for n in 0..20_u32 {
        let turn = &limiters[usize::try_from(n).unwrap() % 2];
        let decision = turn.hit(&user(1), quota(100)).await;
        assert!(decision.allowed && decision.remaining == 100 - n - 1, "{n}: {decision:?}");
        assert_eq!(turn.peek(&user(1), quota(100)).await.remaining, 100 - n - 1);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Far from the limit, hits of the other instance from the last second may be missing, but none for long.
    for n in 0..20_u32 {
        let turn = &limiters[usize::try_from(n).unwrap() % 2];
        let decision = turn.hit(&user(2), quota(100_000)).await;
        let exact = 100_000 - n - 1;
        assert!(decision.allowed && (exact..=exact + n.div_ceil(2)).contains(&decision.remaining), "{n}: {decision:?}");
    }
    common::until("all hits are counted", || async {
        let (mut all, expected) = (Vec::new(), 100_000 - 20);
        for limiter in &limiters {
            all.push(limiter.peek(&user(2), quota(100_000)).await.remaining);
        }
        all == [expected; 2]
    })
    .await;
}

#[test]
fn any_runtime_may_use_it() {
    let main = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let redis = main.block_on(async { patient(&entrepot_testkit::redis_url().await.unwrap(), &fresh_prefix()).await });
    let (cache, limiter) = (cache(&redis), limiter(&redis));
    let seen = Arc::new(AtomicU64::new(0));
    // Like the workers of an HTTP server: each is a thread with a runtime of its own.
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (cache, limiter, seen) = (cache.clone(), limiter.clone(), seen.clone());
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    for n in 0..200 {
                        put(&*cache, n % 10, "mug").await;
                        let allowed = limiter.hit(&user(1), quota(1_000_000)).await.allowed;
                        seen.fetch_add(u64::from(allowed && found(&*cache, n % 10).await.is_some()), Relaxed);
                        cache.invalidate(&[product(11)]).await;
                    }
                });
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(seen.load(Relaxed), 600);
}

async fn dropped_call_is_completed((here, there): (Redis, Redis)) {
    let (here, there) = (cache(&here), cache(&there));
    let keys: HashSet<u128> = (0..200).collect();
    for n in &keys {
        put(&*there, *n, "old").await;
    }
    let all: Vec<_> = keys.iter().copied().map(product).collect();
    // Polled once, and dropped.
    tokio::time::timeout(Duration::ZERO, here.invalidate(&all)).await.ok();
    common::until("all are invalidated", || async {
        for n in &keys {
            if found(&*there, *n).await.is_some() {
                return false;
            }
        }
        true
    })
    .await;
    // A dropped look-up does not keep others waiting.
    tokio::time::timeout(Duration::ZERO, there.get(product(1))).await.ok();
    let began = Instant::now();
    assert_eq!(found(&*there, 1).await, None);
    assert!(began.elapsed() < Duration::from_millis(90), "{:?}", began.elapsed());
}

/// And not themselves.
async fn instances_wake_each_other((here, there): (Redis, Redis)) {
    let (here, there) = (RedisSignal::new(&here), RedisSignal::new(&there));
    // Each is told once of its own subscription.
    here.notified().await;
    there.notified().await;
    for (one, other) in [(&here, &there), (&there, &here), (&here, &there)] {
        one.notify().await;
        other.notified().await;
        assert!(one.notified().now_or_never().is_none());
    }
}
