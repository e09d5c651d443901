//! The cache with its lease, on a real Redis.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entrepot_domain::{Cache as _, CacheKey, CachedValue, Lookup, ProductId, Ticket};
use fred::interfaces::KeysInterface as _;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    RedisCache,
    lease::{IDLE_TIMEOUT, Lease, Position},
    near_cache::NearCache,
};
use crate::{
    Redis, RedisOptions,
    client::{pending::PendingInvalidations, script::Script},
    invalidation::log::{self, LEASE},
    lifecycle::SETTLE_TIME,
};

const TTL: Duration = Duration::from_mins(5);

fn product(n: usize) -> CacheKey {
    CacheKey::Product(ProductId(Uuid::from_u128(u128::try_from(n).unwrap())))
}

/// An instance that polls only when the test says so.
struct Instance {
    redis: Redis,
    lease: Lease,
    position: Option<Position>,
}

impl Instance {
    async fn new(url: &str, prefix: &str) -> Self {
        let options = RedisOptions::parse(url).unwrap().prefix(prefix).command_timeout(Duration::from_secs(10));
        let redis = Redis::connect(options).await.unwrap();
        let holder = redis.connection.unique.next();
        let lease = Lease::new(redis.connection.clone(), Arc::new(NearCache::new(1 << 20)), holder);
        Self { redis, lease, position: None }
    }

    async fn two() -> [Self; 2] {
        let url = entrepot_testkit::redis_url().await.unwrap();
        let prefix = format!("test:{:016x}:", getrandom::u64().unwrap());
        [Self::new(&url, &prefix).await, Self::new(&url, &prefix).await]
    }

    async fn poll(&mut self) {
        self.position = self.lease.poll(self.position.take()).await;
        assert!(self.position.is_some());
    }

    fn fill(&self, n: usize) {
        self.lease.near_cache.begin_own_fetch(product(n)).found(CachedValue::from(*b"mug"), TTL);
    }

    fn contains(&self, n: usize) -> bool {
        self.lease.near_cache.contains(product(n), Instant::now())
    }

    async fn invalidate(&self, keys: impl Iterator<Item = usize>) -> Option<Instant> {
        let keys: Vec<_> = keys.map(product).collect();
        self.redis.invalidator.invalidate(keys.iter().copied().collect(), self.lease.holder).await
    }

    /// The fields of the log's state: the holders of leases, expired ones included, the era and the position.
    async fn state_fields(&self) -> Vec<String> {
        let [state, _] = self.redis.connection.keys.log();
        let fields = Script::new("return redis.call('HKEYS', KEYS[1])");
        let fields = fields.run(&self.redis.connection.client(), vec![state], Vec::new()).await.unwrap();
        fields.convert().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poll_removes_only_keys_invalidated_by_others() {
    let [mut here, there] = Instance::two().await;
    here.poll().await;
    (0..200).for_each(|n| here.fill(n));
    here.poll().await;
    assert!((0..200).all(|n| here.contains(n)));
    there.invalidate(50..150).await;
    // Its own keys are not removed by a poll.
    here.invalidate(150..151).await;
    here.poll().await;
    assert!((0..200).all(|n| here.contains(n) != (50..150).contains(&n)));
    there.redis.invalidator.invalidate(PendingInvalidations::everything(), there.lease.holder).await;
    here.poll().await;
    assert!(!(0..200).any(|n| here.contains(n)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_older_than_an_invalidation_is_not_inserted() {
    let [mut here, there] = Instance::two().await;
    here.poll().await;
    let late = [0, 1].map(|n| here.lease.near_cache.begin_own_fetch(product(n)));
    there.invalidate(0..1).await;
    here.poll().await;
    for fetch in late {
        fetch.found(CachedValue::from(*b"old"), TTL);
    }
    assert!(!here.contains(0) && here.contains(1));
    let late = here.lease.near_cache.begin_own_fetch(product(2));
    there.redis.invalidator.invalidate(PendingInvalidations::everything(), there.lease.holder).await;
    here.poll().await;
    late.found(CachedValue::from(*b"old"), TTL);
    assert!(!here.contains(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instance_too_far_behind_in_the_log_drops_everything() {
    let [mut here, there] = Instance::two().await;
    here.poll().await;
    here.fill(0);
    for most in [log::MAX_ENTRIES, log::MAX_ENTRIES + 1] {
        for n in 1..=most {
            there.invalidate(n..=n).await;
        }
        here.poll().await;
        assert_eq!(here.contains(0), most == log::MAX_ENTRIES, "{most} entries behind");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instance_that_lost_its_position_drops_everything() {
    let [mut here, there] = Instance::two().await;
    here.fill(0);
    here.poll().await;
    assert!(!here.contains(0), "it was inserted before the first poll");
    let [state, list] = here.redis.connection.keys.log();
    for lost in [state, list] {
        here.fill(0);
        there.invalidate(1..2).await;
        here.redis.connection.client().unlink::<i64, _>(lost).await.unwrap();
        here.poll().await;
        assert!(!here.contains(0));
    }
    here.fill(0);
    here.redis.connection.breaker.open("on purpose");
    while !here.redis.connection.breaker.is_closed() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    here.poll().await;
    assert!(!here.contains(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lease_starts_when_the_poll_is_sent() {
    const FROZEN: Duration = Duration::from_millis(50);
    let server = entrepot_testkit::Redis::start().await.unwrap();
    let mut here = Instance::new(&server.url(), "test:").await;
    here.poll().await;
    here.fill(0);
    server.freeze();
    let began = Instant::now();
    let thaw = async {
        tokio::time::sleep(FROZEN).await;
        server.thaw();
    };
    tokio::join!(here.poll(), thaw);
    assert!(began.elapsed() >= FROZEN);
    assert!(here.lease.near_cache.get(product(0), began).is_some());
    assert!(here.lease.near_cache.get(product(0), began + FROZEN).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalidation_waits_for_leases_of_other_instances() {
    let [mut here, there] = Instance::two().await;
    let began = Instant::now();
    assert!(there.invalidate(0..1).await.is_some(), "there may be unknown leases from before the log");
    tokio::time::sleep_until((began + 2 * LEASE).into()).await;
    here.poll().await;
    assert_eq!(here.invalidate(0..1).await, None, "its own lease does not count");
    let mut until = None;
    while until.is_none() {
        here.poll().await;
        until = there.invalidate(0..1).await;
    }
    assert!(until.unwrap() <= Instant::now() + LEASE);
    tokio::time::sleep(2 * LEASE).await;
    assert_eq!(there.invalidate(0..1).await, None);
    assert_eq!(there.state_fields().await.len(), 2, "the era and the position");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_ends_the_lease() {
    let [here, there] = Instance::two().await;
    let cache = RedisCache::new(here.redis.clone(), 1 << 20);
    let holder = cache.inner.holder.to_string();
    cache.inner.lease.poll_soon().await;
    assert!(there.state_fields().await.contains(&holder));
    here.redis.close().await;
    assert!(!there.state_fields().await.contains(&holder));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polling_stops_when_nothing_is_read() {
    let [here, _] = Instance::two().await;
    let cache = RedisCache::new(here.redis.clone(), 1 << 20);
    let mut polls = cache.inner.lease.polled.subscribe();
    assert!(timeout(2 * IDLE_TIMEOUT, polls.changed()).await.is_err());
    cache.inner.lease.poll_soon().await;
    let began = Instant::now();
    while timeout(IDLE_TIMEOUT, polls.changed()).await.is_ok() {
        assert!(began.elapsed() < 20 * IDLE_TIMEOUT);
    }
    // Dropping the cache ends its task.
    let lease = Arc::downgrade(&cache.inner.lease);
    drop(cache);
    while lease.upgrade().is_some() {
        assert!(began.elapsed() < 100 * IDLE_TIMEOUT);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Opens the breaker, and waits until the cache is used again.
async fn recover(redis: &Redis, cache: &RedisCache, key: CacheKey) {
    redis.connection.breaker.open("on purpose");
    let began = Instant::now();
    while cache.get(key).await == Lookup::Miss(Ticket(0)) {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= SETTLE_TIME, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_another_redis_are_dropped() {
    let url = entrepot_testkit::redis_url().await.unwrap();
    let prefix = format!("test:{:016x}:", getrandom::u64().unwrap());
    let redis = Redis::connect(RedisOptions::parse(&url).unwrap().prefix(&prefix)).await.unwrap();
    let cache = RedisCache::new(redis.clone(), 1 << 20);
    let (key, value) = (product(0), Arc::from(*b"old"));
    let Lookup::Miss(ticket) = cache.get(key).await else { panic!() };
    cache.put(key, Arc::clone(&value), TTL, ticket).await;

    // The same Redis still has the right values.
    recover(&redis, &cache, key).await;
    assert_eq!(cache.get(key).await, Lookup::Hit(value.into()));
    // Another one may have missed invalidations.
    redis.connection.identity.replace("another".into());
    recover(&redis, &cache, key).await;
    assert!(matches!(cache.get(key).await, Lookup::Miss(_)));
}
