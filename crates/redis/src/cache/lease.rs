//! The right of an instance to serve from its first level, and the task that keeps it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use fred::types::Value;
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, watch},
    time::{timeout, timeout_at},
};

use crate::{
    cache::{first::FirstLevel, log},
    redis::{Shared, micros, token},
    script::Script,
};

/// For how long others wait for an instance that does not hear of their writes.
pub(crate) const LEASE: Duration = Duration::from_millis(5);

/// For how long it serves, counted from the moment before it asked. It is less, for clocks that do not run alike.
pub(super) const SERVE: Duration = Duration::from_micros(4_500);

/// How often it asks. Timers of tokio go by whole milliseconds: a lease is renewed long before it ends.
const BEAT: Duration = Duration::from_micros(1_500);

/// How long it goes on asking when nobody reads.
const IDLE: Duration = Duration::from_millis(100);

/// One lease for all that the first level holds.
pub(super) struct Lease {
    shared: Arc<Shared>,
    first: Arc<FirstLevel>,
    holder: u64,
    poll: Script,
    /// Whether anything was served since the last poll.
    used: AtomicBool,
    wanted: Notify,
    polled: watch::Sender<()>,
}

/// Up to where the log was read.
struct Position {
    /// When the breaker was closed: what was logged while it was open may be in another Redis.
    connection: u64,
    era: Bytes,
    at: i64,
}

impl Lease {
    pub(super) fn new(shared: Arc<Shared>, first: Arc<FirstLevel>, holder: u64) -> Self {
        Self {
            shared,
            first,
            holder,
            poll: Script::new(log::POLL),
            used: AtomicBool::new(false),
            wanted: Notify::new(),
            polled: watch::Sender::new(()),
        }
    }

    /// Notes that something was served.
    #[inline]
    pub(super) fn note_use(&self) {
        // A flag that is only read costs the others nothing.
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    /// Waits until a poll is over, for which a first one may be under way already.
    pub(super) async fn polled(&self) {
        let mut polled = self.polled.subscribe();
        self.wanted.notify_one();
        timeout(self.shared.patience(), polled.changed()).await.ok();
    }

    /// Keeps the lease while somebody reads; never ends.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut position = None;
        loop {
            self.wanted.notified().await;
            let mut used = Instant::now();
            while used.elapsed() < IDLE {
                let began = Instant::now();
                if self.used.swap(false, Relaxed) {
                    used = began;
                }
                position = self.poll(position).await;
                // Those who wanted it meanwhile have it. Who comes after this wants another.
                self.wanted.notified().now_or_never();
                self.polled.send_replace(());
                timeout_at((began + BEAT).into(), self.wanted.notified()).await.ok();
            }
        }
    }

    /// Asks what was invalidated after a position; gives the next one, or none if it was lost.
    async fn poll(&self, before: Option<Position>) -> Option<Position> {
        let connection = self.shared.breaker.enter()?;
        let before = before.filter(|position| position.connection == connection);
        let (era, at) = before.as_ref().map_or((Bytes::new(), 0), |position| (position.era.clone(), position.at));
        let args = vec![
            Value::from(self.holder.to_string()),
            micros(LEASE),
            token(self.shared.tokens.next()),
            Value::Bytes(era),
            Value::from(at.to_string()),
        ];
        // However late the answer comes: Redis counts the lease from later than this.
        let sent = Instant::now();
        let answer = self.shared.run(&self.poll, self.shared.names.log().into(), args).await?;
        if !self.shared.breaker.is_still(connection) {
            return None;
        }
        let Some((era, at)) = self.learn(before, &answer) else {
            self.shared.misunderstood(&answer);
            return None;
        };
        self.first.serve_until(sent + SERVE);
        Some(Position { connection, era, at })
    }

    /// Forgets what was invalidated.
    fn learn(&self, before: Option<Position>, answer: &Value) -> Option<(Bytes, i64)> {
        match (answer, before) {
            (Value::Integer(0), Some(before)) => Some((before.era, before.at)),
            (Value::Array(parts), before) => {
                if let [Value::Integer(at), era] = parts.as_slice() {
                    self.first.clear();
                    return Some((Bytes::copy_from_slice(era.as_bytes()?), *at));
                }
                let Position { era, at, .. } = before?;
                for entry in parts {
                    self.heed(entry.as_bytes()?);
                }
                Some((era, at.checked_add(i64::try_from(parts.len()).ok()?)?))
            }
            _ => None,
        }
    }

    fn heed(&self, entry: &[u8]) {
        // A key of a kind that this version does not know may be any, to be sure.
        let Some((holder, keys)) = log::read(entry) else { return self.first.clear() };
        // Its own are forgotten when Redis has answered.
        if holder == self.holder {
            return;
        }
        for key in keys {
            match key {
                Some(key) => self.first.forget(key),
                None => self.first.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{CacheKey, CachedValue, ProductId};
    use fred::interfaces::KeysInterface as _;
    use uuid::Uuid;

    use super::*;
    use crate::{Redis, RedisCache, RedisOptions, breaker::Owed};

    const TTL: Duration = Duration::from_mins(5);

    fn product(n: usize) -> CacheKey {
        CacheKey::Product(ProductId(Uuid::from_u128(u128::try_from(n).unwrap())))
    }

    /// An instance whose polls are made by hand.
    struct Instance {
        redis: Redis,
        lease: Lease,
        position: Option<Position>,
    }

    impl Instance {
        async fn new(url: &str, prefix: &str) -> Self {
            let options = RedisOptions::parse(url).unwrap().prefix(prefix).patience(Duration::from_secs(10));
            let redis = Redis::connect(options).await.unwrap();
            let holder = redis.shared.tokens.next();
            let lease = Lease::new(redis.shared.clone(), Arc::new(FirstLevel::new(1 << 20)), holder);
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
            self.lease.first.beside(product(n)).found(CachedValue::from(*b"mug"), TTL);
        }

        fn holds(&self, n: usize) -> bool {
            self.lease.first.holds(product(n), Instant::now())
        }

        async fn invalidate(&self, keys: impl Iterator<Item = usize>) -> Option<Instant> {
            let keys: Vec<_> = keys.map(product).collect();
            self.redis.shared.forget(keys.iter().copied().collect(), self.lease.holder).await
        }

        /// Who has a lease, whether it is over or not.
        async fn holders(&self) -> Vec<String> {
            let [state, _] = self.redis.shared.names.log();
            let fields = Script::new("return redis.call('HKEYS', KEYS[1])");
            let fields = fields.run(&self.redis.shared.client(), vec![state], Vec::new()).await.unwrap();
            fields.convert().unwrap()
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_poll_tells_what_others_invalidated_and_nothing_else() {
        let [mut here, there] = Instance::two().await;
        here.poll().await;
        (0..200).for_each(|n| here.fill(n));
        here.poll().await;
        assert!((0..200).all(|n| here.holds(n)));
        there.invalidate(50..150).await;
        // Its own it forgets itself, when Redis has answered.
        here.invalidate(150..151).await;
        here.poll().await;
        assert!((0..200).all(|n| here.holds(n) != (50..150).contains(&n)));
        there.redis.shared.forget(Owed::everything(), there.lease.holder).await;
        here.poll().await;
        assert!(!(0..200).any(|n| here.holds(n)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_answer_from_before_an_invalidation_is_not_held() {
        let [mut here, there] = Instance::two().await;
        here.poll().await;
        let late = [0, 1].map(|n| here.lease.first.beside(product(n)));
        there.invalidate(0..1).await;
        here.poll().await;
        for question in late {
            question.found(CachedValue::from(*b"old"), TTL);
        }
        assert!(!here.holds(0) && here.holds(1));
        let late = here.lease.first.beside(product(2));
        there.redis.shared.forget(Owed::everything(), there.lease.holder).await;
        here.poll().await;
        late.found(CachedValue::from(*b"old"), TTL);
        assert!(!here.holds(2));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_is_too_far_behind_forgets_everything() {
        let [mut here, there] = Instance::two().await;
        here.poll().await;
        here.fill(0);
        for most in [log::KEPT, log::KEPT + 1] {
            for n in 1..=most {
                there.invalidate(n..=n).await;
            }
            here.poll().await;
            assert_eq!(here.holds(0), most == log::KEPT, "the log goes back so far");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_cannot_know_what_was_logged_forgets_everything() {
        let [mut here, there] = Instance::two().await;
        here.fill(0);
        here.poll().await;
        assert!(!here.holds(0), "what was invalidated before the first poll");
        let [state, list] = here.redis.shared.names.log();
        for lost in [state, list] {
            here.fill(0);
            there.invalidate(1..2).await;
            here.redis.shared.client().unlink::<i64, _>(lost).await.unwrap();
            here.poll().await;
            assert!(!here.holds(0));
        }
        here.fill(0);
        here.redis.shared.breaker.open("on purpose");
        while here.redis.shared.breaker.enter().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        here.poll().await;
        assert!(!here.holds(0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lease_begins_when_the_question_is_sent() {
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
        assert!(here.lease.first.get(product(0), began).is_some());
        assert!(here.lease.first.get(product(0), began + FROZEN).is_none());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_waits_for_the_leases_of_others_as_long_as_they_last() {
        let [mut here, there] = Instance::two().await;
        let began = Instant::now();
        assert!(there.invalidate(0..1).await.is_some(), "of what was before the log, nobody knows");
        tokio::time::sleep_until((began + 2 * LEASE).into()).await;
        here.poll().await;
        assert_eq!(here.invalidate(0..1).await, None, "it knows its own keys");
        let mut until = None;
        while until.is_none() {
            here.poll().await;
            until = there.invalidate(0..1).await;
        }
        assert!(until.unwrap() <= Instant::now() + LEASE);
        tokio::time::sleep(2 * LEASE).await;
        assert_eq!(there.invalidate(0..1).await, None);
        assert_eq!(there.holders().await.len(), 2, "the era and the position");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_closes_leaves_no_lease() {
        let [here, there] = Instance::two().await;
        let cache = RedisCache::new(here.redis.clone(), 1 << 20);
        let holder = cache.inner.holder.to_string();
        cache.inner.lease.polled().await;
        assert!(there.holders().await.contains(&holder));
        here.redis.close().await;
        assert!(!there.holders().await.contains(&holder));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_polls_when_nobody_reads() {
        let [here, _] = Instance::two().await;
        let cache = RedisCache::new(here.redis.clone(), 1 << 20);
        let mut polls = cache.inner.lease.polled.subscribe();
        assert!(timeout(2 * IDLE, polls.changed()).await.is_err());
        cache.inner.lease.polled().await;
        let began = Instant::now();
        while timeout(IDLE, polls.changed()).await.is_ok() {
            assert!(began.elapsed() < 20 * IDLE);
        }
        // One that is dropped has nobody to poll for it.
        let lease = Arc::downgrade(&cache.inner.lease);
        drop(cache);
        while lease.upgrade().is_some() {
            assert!(began.elapsed() < 100 * IDLE);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
