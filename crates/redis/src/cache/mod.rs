//! The cache.

mod first;
mod forget;
mod gather;
mod lease;
mod log;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use entrepot_domain::{Cache, CacheKey, CachedValue, Lookup, Ticket};
use fred::types::Value;
use tokio::{
    sync::oneshot,
    task::AbortHandle,
    time::{sleep_until, timeout},
};

use self::{
    first::{FirstLevel, Question, Turn},
    gather::{Gathered, Waiting},
    lease::Lease,
};
pub(crate) use self::{
    lease::LEASE,
    log::{FORGET, LEAVE},
};
use crate::{
    breaker::Owed,
    redis::{Redis, Shared},
    script::Script,
};

/// How long a load may take; what is put later is not kept.
const LOAD: Duration = Duration::from_mins(1);

/// How often somebody waits for a poll or another's question before he asks himself.
const WAITS: usize = 2;

/// Longest time to live, as Redis cannot count for ever.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// What stands before a value in Redis, and before the token of a load that is under way, in the same place.
const VALUE: u8 = b'=';
const LOAD_OF: u8 = b'?';

/// Gives the value with how long it lives. If there is none, gives the load that will bring it, which all have in
/// common until one has put it.
const LOOKUP: &str = r"
local found = redis.call('GET', KEYS[1])
if not found then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return ARGV[1]
end
if string.byte(found) == string.byte(ARGV[1]) then
  return found
end
return {redis.call('PTTL', KEYS[1]), found}
";

/// Keeps a value if the load that brought it was not forgotten; it may be put once.
const PUT: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// Remembers bytes in Redis, for all instances, and for a few milliseconds also in the process.
///
/// **The promise of [`Cache::invalidate`], while Redis can be reached.** A miss leaves a token in the value's place and
/// hands it out as the ticket; an invalidation takes away what is there; a value is put only in exchange for the token.
/// So nothing that was loaded before a write is kept after it.
///
/// **The first level** serves without asking, as long as the instance has a lease. While it reads, it asks Redis every
/// two milliseconds or so which keys were invalidated, forgets those, and may then serve all the rest for 4.5 ms, counted
/// from before the question was sent; Redis notes that it may do so for 5 ms. An invalidation takes the value away, logs
/// the key, and waits until the leases of all other instances are over that they had at that moment: each has heard of
/// it by then, or serves nothing. So nobody serves the old value when it returns. No two machines' clocks are compared,
/// only how fast they run. Nothing is waited for while no other instance reads, and a hit costs Redis nothing, however
/// many keys are read. Who was away for longer than the log goes back forgets everything.
///
/// **While Redis cannot be reached**, nothing is found and nothing is kept. An invalidation returns when the others
/// that are cut off as well have found out, which is within 200 ms of the outage, and is made up for before this
/// instance uses the cache again. After an outage every instance waits two seconds longer, so that the others have made
/// up for theirs as well. If another Redis answers then (it was restarted, or a replica took over), everything is
/// cleared first. What is left:
///
/// - An instance that *alone* is cut off, or stops before the outage ends, cannot tell the others: they may read what
///   was before its writes until it is back, or until the value's time to live is over.
/// - A replica that takes over may have missed an invalidation that the other had answered: in the moment before the
///   loss of the connection is noticed, it may be asked.
pub struct RedisCache {
    inner: Arc<Inner>,
    keeper: AbortHandle,
}

struct Inner {
    shared: Arc<Shared>,
    first: Arc<FirstLevel>,
    lease: Arc<Lease>,
    /// Names this cache among the leases.
    holder: u64,
    gathered: Gathered,
    lookup: Script,
    put: Script,
}

impl RedisCache {
    /// A cache that keeps at most about so many bytes in the process.
    pub fn new(redis: Redis, first_level_bytes: u64) -> Self {
        let shared = redis.shared;
        let holder = shared.tokens.next();
        let first = Arc::new(FirstLevel::new(first_level_bytes));
        let lease = Arc::new(Lease::new(shared.clone(), first.clone(), holder));
        let keeper = shared.keep(holder, lease.clone().keep());
        let (lookup, put) = (Script::new(LOOKUP), Script::new(PUT));
        Self {
            inner: Arc::new(Inner { shared, first, lease, holder, gathered: Gathered::default(), lookup, put }),
            keeper,
        }
    }
}

impl Drop for RedisCache {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Inner {
    /// What may be served at that time.
    fn served(&self, key: CacheKey, now: Instant) -> Option<Lookup> {
        let value = self.first.get(key, now)?;
        self.lease.note_use();
        Some(Lookup::Hit(value))
    }

    /// Has the lease renewed if that may be enough, or asks Redis, or waits for somebody who does.
    async fn look(&self, key: CacheKey) -> Lookup {
        for _ in 0..WAITS {
            if self.first.holds(key, Instant::now()) {
                self.lease.polled().await;
            } else {
                let flight = match self.first.turn(key) {
                    Turn::Mine(question) => return self.ask(key, question).await,
                    Turn::Theirs(flight) => flight,
                };
                if let Ok(Some(token)) = timeout(self.shared.patience(), flight.landed()).await {
                    return Lookup::Miss(Ticket(token));
                }
            }
            // An answer that came late may be from before a write that was answered before this look began: only what
            // may still be served counts.
            let now = Instant::now();
            if !self.shared.breaker.is_settled(now) {
                return Lookup::Miss(NOT_TO_BE_PUT);
            }
            if let Some(served) = self.served(key, now) {
                return served;
            }
        }
        self.ask(key, self.first.beside(key)).await
    }

    async fn ask(&self, key: CacheKey, question: Question) -> Lookup {
        let args = vec![load(self.shared.tokens.next()), millis(LOAD)];
        match self.shared.run(&self.lookup, vec![self.shared.names.place(key)], args).await {
            None => Lookup::Miss(NOT_TO_BE_PUT),
            Some(answer) => self.understand(question, &answer),
        }
    }

    fn understand(&self, question: Question, answer: &Value) -> Lookup {
        let understood = match answer {
            Value::Array(parts) => match parts.as_slice() {
                [Value::Integer(left), value] => value.as_bytes().and_then(|bytes| marked(VALUE, bytes)).map(|bytes| {
                    let value = CachedValue::from(bytes);
                    question.found(value.clone(), Duration::from_millis(u64::try_from(*left).unwrap_or(0)));
                    Lookup::Hit(value)
                }),
                _ => None,
            },
            load => load.as_bytes().and_then(|bytes| marked(LOAD_OF, bytes)?.try_into().ok()).map(|token| {
                let token = u64::from_be_bytes(token);
                question.missed(token);
                Lookup::Miss(Ticket(token))
            }),
        };
        understood.unwrap_or_else(|| {
            self.shared.misunderstood(answer);
            Lookup::Miss(NOT_TO_BE_PUT)
        })
    }

    /// Forgets what was gathered, and what comes meanwhile.
    async fn forget_gathered(&self) {
        let mut duty = self.gathered.duty();
        while let Some(waiting) = duty.next() {
            let owed = waiting.iter().flat_map(|one| one.keys.iter().copied()).collect();
            let until = self.shared.forget(owed, self.holder).await;
            for Waiting { keys, told } in waiting {
                // After Redis did: an answer that Redis gave before it forgot must not be kept any more.
                for key in keys {
                    self.first.forget(key);
                }
                told.send(until).ok();
            }
        }
    }
}

/// A ticket that no load has.
const NOT_TO_BE_PUT: Ticket = Ticket(0);

/// A load as it stands in the place of its value.
fn load(token: u64) -> Value {
    mark(LOAD_OF, &token.to_be_bytes())
}

fn mark(mark: u8, bytes: &[u8]) -> Value {
    Value::Bytes(Bytes::from([&[mark], bytes].concat()))
}

fn marked(mark: u8, bytes: &[u8]) -> Option<&[u8]> {
    bytes.split_first().and_then(|(first, rest)| (*first == mark).then_some(rest))
}

fn millis(duration: Duration) -> Value {
    Value::from(duration.as_millis().to_string())
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: CacheKey) -> Lookup {
        let now = Instant::now();
        if !self.inner.shared.breaker.is_settled(now) {
            return Lookup::Miss(NOT_TO_BE_PUT);
        }
        match self.inner.served(key, now) {
            Some(served) => served,
            // On the heap, as it is large, and most need none of it.
            None => Box::pin(self.inner.look(key)).await,
        }
    }

    async fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration, ticket: Ticket) {
        let ttl = ttl.min(YEAR);
        if ticket == NOT_TO_BE_PUT || ttl.as_millis() == 0 || !self.inner.shared.breaker.is_settled(Instant::now()) {
            return;
        }
        let inner = &self.inner;
        let question = inner.first.beside(key);
        let args = vec![load(ticket.0), mark(VALUE, &value), millis(ttl)];
        match inner.shared.run(&inner.put, vec![inner.shared.names.place(key)], args).await {
            Some(Value::Integer(1)) => question.found(value.into(), ttl),
            Some(Value::Integer(_)) | None => {}
            Some(other) => inner.shared.misunderstood(&other),
        }
    }

    async fn invalidate(&self, keys: &[CacheKey]) {
        if keys.is_empty() {
            return;
        }
        let (told, until) = oneshot::channel();
        if self.inner.gathered.add(Waiting { keys: keys.to_vec(), told }) {
            let inner = self.inner.clone();
            // In a task of its own: the write is done, whether its caller still waits or not.
            self.inner.shared.runtime.spawn(async move { inner.forget_gathered().await });
        }
        if let Ok(Some(until)) = until.await {
            sleep_until(until.into()).await;
        }
    }

    async fn clear(&self) {
        let inner = self.inner.clone();
        let clearing = async move {
            let until = inner.shared.forget(Owed::everything(), inner.holder).await;
            inner.first.clear();
            if let Some(until) = until {
                sleep_until(until.into()).await;
            }
        };
        self.inner.shared.runtime.spawn(clearing).await.ok();
    }
}
