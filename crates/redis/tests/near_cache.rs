//! The near cache with many keys: it asks Redis rarely and is never stale.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use common::{LONG, Proxy, cache, found, fresh_prefix, patient, product, put, until};
use entrepot_domain::{Cache, Lookup};
use entrepot_redis::{Redis, RedisCache};
use entrepot_testkit::Redis as Server;

/// How long a write waits for an instance that reads: a lease, and two ticks of the timers.
const MAX_WAIT: Duration = Duration::from_millis(5 + 2);

async fn two() -> (Redis, Redis) {
    let (url, prefix) = (entrepot_testkit::redis_url().await.unwrap(), fresh_prefix());
    (patient(&url, &prefix).await, patient(&url, &prefix).await)
}

#[derive(Default)]
struct Value {
    truth: AtomicU64,
    answered: AtomicU64,
}

fn values(count: usize) -> Arc<Vec<Value>> {
    Arc::new((0..count).map(|_| Value::default()).collect())
}

/// Reads all values until that time, in an order of its own, and returns how many were cached.
async fn read(cache: Arc<RedisCache>, values: Arc<Vec<Value>>, order: usize, until: Instant) -> u64 {
    let (mut hits, mut at) = (0, order);
    while Instant::now() < until {
        for _ in 0..10 {
            // The step is coprime to the number of values, which is a multiple of ten.
            at = (at + 10 * order + 1) % values.len();
            let (n, value) = (u128::try_from(at).unwrap(), &values[at]);
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
        }
        tokio::task::yield_now().await;
    }
    hits
}

/// Writes every `step`th value, two at a time, until that time, and returns how often.
async fn write(cache: Arc<RedisCache>, values: Arc<Vec<Value>>, (first, step): (usize, usize), until: Instant) -> u64 {
    let mine: Vec<usize> = (first..values.len()).step_by(step).collect();
    let mut writes = 0;
    for pair in mine.chunks_exact(2).cycle() {
        if Instant::now() >= until {
            break;
        }
        for n in pair {
            values[*n].truth.fetch_add(1, SeqCst);
        }
        let keys: Vec<_> = pair.iter().map(|n| product(u128::try_from(*n).unwrap())).collect();
        cache.invalidate(&keys).await;
        for n in pair {
            values[*n].answered.fetch_add(1, SeqCst);
        }
        writes += 1;
        // So that most reads are hits.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    writes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_values_none_is_read_stale() {
    let (here, there) = two().await;
    let caches = [cache(&here), cache(&there)];
    let values = values(1_000);
    for n in 0..1_000 {
        if let Lookup::Miss(ticket) = caches[0].get(product(n)).await {
            caches[0].put(product(n), Arc::from(0_u64.to_be_bytes()), LONG, ticket).await;
        }
    }
    let until = Instant::now() + Duration::from_secs(4);
    let (mut reading, mut writing) = (Vec::new(), Vec::new());
    for n in 0..64 {
        reading.push(tokio::spawn(read(caches[n % 2].clone(), values.clone(), n, until)));
    }
    for n in 0..8 {
        writing.push(tokio::spawn(write(caches[n % 2].clone(), values.clone(), (n, 8), until)));
    }
    let (mut hits, mut writes) = (0, 0);
    for reader in reading {
        hits += reader.await.unwrap();
    }
    for writer in writing {
        writes += writer.await.unwrap();
    }
    assert!(hits > 50_000 && writes > 500, "{hits} hits, {writes} writes");
}

/// How often Redis has run a script.
async fn script_calls(server: &Server) -> u64 {
    let stats = server.ask("INFO commandstats").await.unwrap();
    let calls = |line: &str| -> Option<u64> {
        line.strip_prefix("cmdstat_eval")?.split_once("calls=")?.1.split(',').next()?.parse().ok()
    };
    stats.lines().filter_map(calls).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reading_many_keys_asks_redis_rarely() {
    const KEYS: u128 = 5_000;
    const ROUNDS: u32 = 20;
    let server = Server::start().await.unwrap();
    let redis = patient(&server.url(), &fresh_prefix()).await;
    let cache = Arc::new(RedisCache::new(redis, 8 << 20));
    for n in 0..KEYS {
        put(&*cache, n, "mug").await;
        assert!(found(&*cache, n).await.is_some());
    }
    let before = script_calls(&server).await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                for n in (0..ROUNDS).flat_map(|_| 0..KEYS) {
                    assert!(matches!(cache.get(product(n)).await, Lookup::Hit(_)), "{n}");
                }
            })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap();
    }
    let (asked, reads) = (script_calls(&server).await - before, 4 * KEYS * u128::from(ROUNDS));
    assert!(u128::from(asked) * 50 <= reads, "asked {asked} times for {reads} reads");
}

/// The median duration of an invalidation.
async fn median(cache: &RedisCache) -> Duration {
    let mut took = Vec::new();
    for n in 0..51 {
        let began = Instant::now();
        cache.invalidate(&[product(n)]).await;
        took.push(began.elapsed());
    }
    took.sort();
    took[25]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn write_waits_only_for_other_instances_that_read() {
    let (here, there) = two().await;
    let caches = [cache(&here), cache(&there)];
    // An instance that reads what it wrote.
    put(&*caches[0], 100, "mug").await;
    until("an instance does not wait for itself", || async {
        assert_eq!(found(&*caches[0], 100).await.as_deref(), Some("mug"));
        median(&caches[0]).await < Duration::from_millis(1)
    })
    .await;
    let reader = tokio::spawn({
        let cache = caches[1].clone();
        async move {
            put(&*cache, 200, "mug").await;
            loop {
                cache.get(product(200)).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    until("a write waits for a lease", || async {
        (Duration::from_millis(1)..=MAX_WAIT).contains(&median(&caches[0]).await)
    })
    .await;
    reader.abort();
    reader.await.ok();
    until("the lease of the reader has ended", || async { median(&caches[0]).await < Duration::from_millis(1) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entries_dropped_from_the_log_are_applied_too() {
    let (here, there) = two().await;
    let (here, there) = (cache(&here), cache(&there));
    put(&*here, 0, "old").await;
    assert_eq!(found(&*here, 0).await.as_deref(), Some("old"));
    assert_eq!(found(&*here, 0).await.as_deref(), Some("old"));
    let keys: Vec<_> = (0..12_000).map(product).collect();
    there.invalidate(&keys).await;
    put(&*there, 0, "new").await;
    assert_eq!(found(&*here, 0).await.as_deref(), Some("new"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instance_with_late_answers_serves_nothing_stale() {
    let (url, prefix) = (entrepot_testkit::redis_url().await.unwrap(), fresh_prefix());
    let proxy = Proxy::start(&url).await;
    let (near, far) = (patient(&url, &prefix).await, patient(&proxy.url(), &prefix).await);
    let caches = [cache(&near), cache(&far)];
    let values = values(20);
    let until = Instant::now() + Duration::from_secs(3);
    let mut reading = Vec::new();
    for n in 0..20 {
        reading.push(tokio::spawn(read(caches[usize::from(n > 0)].clone(), values.clone(), n, until)));
    }
    let writing = tokio::spawn(write(caches[0].clone(), values.clone(), (0, 1), until));
    // Answers are late only at times, so that the near cache is filled.
    for millis in (0..60).map(|n| [0, 3, 20][n % 3]) {
        proxy.delay(Duration::from_millis(millis));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut hits = 0;
    for reader in reading {
        hits += reader.await.unwrap();
    }
    let writes = writing.await.unwrap();
    assert!(hits > 500 && writes > 50, "{hits} hits, {writes} writes");
}
