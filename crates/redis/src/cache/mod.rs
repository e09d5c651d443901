//! The cache.

mod first;
mod forget;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use entrepot_domain::{Cache, CacheKey, Lookup, Ticket};
use fred::types::Value;
use tokio::time::timeout;

use self::first::{FirstLevel, Question, Turn};
pub(crate) use self::forget::FORGET;
use crate::{
    breaker::Owed,
    redis::{Redis, Shared},
    script::Script,
};

/// For how long Redis remembers that somebody may serve a value from his own memory.
pub(crate) const LEASE: Duration = Duration::from_millis(10);

/// For how long he does, counted from the moment before he asked. It is less, for clocks that do not run alike.
pub(crate) const SERVE: Duration = Duration::from_millis(8);

/// How long a load may take; what is put later is not kept.
const LOAD: Duration = Duration::from_mins(1);

/// How often somebody waits for another's question before he asks himself.
const WAITS: usize = 2;

/// Longest time to live, as Redis cannot count for ever.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// How many bytes of a value are its token.
const TOKEN: usize = 8;

/// Gives the value with how long it lives, and notes who may serve it now; only the latter if the asker knows the value
/// already. If there is none, gives the token to load it with, which all have in common until one has put it.
const LOOKUP: &str = r"
local left = redis.call('PTTL', KEYS[1])
if left > 0 then
  local holder = redis.call('GET', KEYS[3])
  if holder and holder ~= ARGV[1] then
    redis.call('SET', KEYS[3], 'several', 'PX', ARGV[2])
  else
    redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
  end
  if redis.call('GETRANGE', KEYS[1], 0, 7) == ARGV[5] then
    return left
  end
  return {left, redis.call('GET', KEYS[1])}
end
local load = redis.call('GET', KEYS[2])
if not load then
  load = ARGV[3]
  redis.call('SET', KEYS[2], load, 'PX', ARGV[4])
end
return load
";

/// Keeps a value if the load that brought it was not forgotten; it may be put once.
const PUT: &str = r"
if redis.call('GET', KEYS[2]) ~= ARGV[3] then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[1] then
  redis.call('SET', KEYS[3], 'several', 'PX', ARGV[2])
else
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
end
return 1
";

/// Remembers bytes in Redis, for all instances, and for a few milliseconds also in the process.
///
/// **The promise of [`Cache::invalidate`], while Redis can be reached.** A miss leaves a token in Redis and hands it
/// out as the ticket; an invalidation takes value and token away in one step; a value is put only in exchange for the
/// token. So nothing that was loaded before a write is kept after it.
///
/// **The first level** serves without asking. Whoever is given a value leaves a marker beside it in Redis that lives
/// for 10 ms, and serves the value for 8 ms, counted from before the question was sent. An invalidation that finds the
/// marker of another instance waits until it is gone; so nobody serves the old value when it returns. No two machines'
/// clocks are compared, only how fast they run. While a value is asked for again and again, it is renewed in the
/// background, and nobody waits.
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
}

struct Inner {
    shared: Arc<Shared>,
    first: Arc<FirstLevel>,
    /// Names this cache in the markers.
    holder: u64,
    lookup: Script,
    put: Script,
}

impl RedisCache {
    /// A cache that keeps at most about so many bytes in the process.
    pub fn new(redis: Redis, first_level_bytes: u64) -> Self {
        let shared = redis.shared;
        let holder = shared.tokens.next();
        let first = Arc::new(FirstLevel::new(first_level_bytes));
        Self { inner: Arc::new(Inner { shared, first, holder, lookup: Script::new(LOOKUP), put: Script::new(PUT) }) }
    }
}

impl Inner {
    /// Asks Redis, or waits for somebody who does.
    async fn look(self: &Arc<Self>, key: CacheKey) -> Lookup {
        for _ in 0..WAITS {
            let flight = match self.first.turn(key) {
                Turn::Mine(question) => return self.ask(key, question).await,
                Turn::Theirs(flight) => flight,
            };
            if let Ok(Some(token)) = timeout(self.shared.patience(), flight.landed()).await {
                return Lookup::Miss(Ticket(token));
            }
            // An answer that came late may be from before a write that was answered before this look began: only what
            // may still be served counts.
            let now = Instant::now();
            if !self.shared.breaker.is_settled(now) {
                return Lookup::Miss(NOT_TO_BE_PUT);
            }
            if let Some(served) = self.first.get(key, now) {
                return Lookup::Hit(served.bytes);
            }
        }
        self.ask(key, self.first.beside(key)).await
    }

    async fn ask(&self, key: CacheKey, question: Question) -> Lookup {
        let place = self.shared.names.place(key);
        let known = question.known.as_ref().map(|held| Bytes::copy_from_slice(&held.token.to_be_bytes()));
        let args = vec![
            number(self.holder),
            millis(LEASE),
            token(self.shared.tokens.next()),
            millis(LOAD),
            Value::Bytes(known.unwrap_or_default()),
        ];
        match self.shared.run(&self.lookup, place.keys().into(), args).await {
            None => Lookup::Miss(NOT_TO_BE_PUT),
            Some(answer) => self.understand(question, &answer),
        }
    }

    fn understand(&self, question: Question, answer: &Value) -> Lookup {
        let understood = match answer {
            Value::Integer(left) => question.found_known(from_millis(*left)).map(Lookup::Hit),
            Value::Array(parts) => match parts.as_slice() {
                [Value::Integer(left), value] => value.as_bytes().and_then(split).map(|(token, bytes)| {
                    let bytes: Arc<[u8]> = Arc::from(bytes);
                    question.found(bytes.clone(), token, from_millis(*left));
                    Lookup::Hit(bytes)
                }),
                _ => None,
            },
            load => load.as_bytes().and_then(split).filter(|(_, rest)| rest.is_empty()).map(|(token, _)| {
                question.missed(token);
                Lookup::Miss(Ticket(token))
            }),
        };
        understood.unwrap_or_else(|| {
            self.shared.misunderstood(answer);
            Lookup::Miss(NOT_TO_BE_PUT)
        })
    }

    /// Asks again for a value that is being served.
    async fn renew(self: Arc<Self>, key: CacheKey) {
        if let Turn::Mine(question) = self.first.turn(key) {
            self.ask(key, question).await;
        }
    }
}

/// A ticket that no load has.
const NOT_TO_BE_PUT: Ticket = Ticket(0);

fn number(n: u64) -> Value {
    Value::from(n.to_string())
}

fn millis(duration: Duration) -> Value {
    Value::from(duration.as_millis().to_string())
}

fn from_millis(left: i64) -> Duration {
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

fn token(token: u64) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&token.to_be_bytes()))
}

/// A token and what follows it.
fn split(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (token, rest) = bytes.split_first_chunk::<TOKEN>()?;
    Some((u64::from_be_bytes(*token), rest))
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: CacheKey) -> Lookup {
        let now = Instant::now();
        if !self.inner.shared.breaker.is_settled(now) {
            return Lookup::Miss(NOT_TO_BE_PUT);
        }
        let Some(served) = self.inner.first.get(key, now) else {
            return self.inner.look(key).await;
        };
        if served.renew {
            self.inner.shared.runtime.spawn(self.inner.clone().renew(key));
        }
        Lookup::Hit(served.bytes)
    }

    async fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration, ticket: Ticket) {
        let ttl = ttl.min(YEAR);
        if ticket == NOT_TO_BE_PUT || ttl.as_millis() == 0 || !self.inner.shared.breaker.is_settled(Instant::now()) {
            return;
        }
        let inner = &self.inner;
        let question = inner.first.beside(key);
        let mut kept = Vec::with_capacity(TOKEN + value.len());
        kept.extend_from_slice(&ticket.0.to_be_bytes());
        kept.extend_from_slice(&value);
        let args = vec![number(inner.holder), millis(LEASE), token(ticket.0), Value::Bytes(kept.into()), millis(ttl)];
        match inner.shared.run(&inner.put, inner.shared.names.place(key).keys().into(), args).await {
            Some(Value::Integer(1)) => question.found(value, ticket.0, ttl),
            Some(Value::Integer(_)) | None => {}
            Some(other) => inner.shared.misunderstood(&other),
        }
    }

    async fn invalidate(&self, keys: &[CacheKey]) {
        if keys.is_empty() {
            return;
        }
        let (inner, keys) = (self.inner.clone(), keys.to_vec());
        let forgetting = async move {
            inner.shared.forget(Owed::from(keys.as_slice()), inner.holder).await;
            // After Redis did: an answer that Redis gave before it forgot must not be kept any more.
            for key in keys {
                inner.first.forget(key);
            }
        };
        // In a task of its own: the write is done, whether its caller still waits or not.
        self.inner.shared.runtime.spawn(forgetting).await.ok();
    }

    async fn clear(&self) {
        let inner = self.inner.clone();
        let clearing = async move {
            inner.shared.forget(Owed::everything(), inner.holder).await;
            inner.first.clear();
        };
        self.inner.shared.runtime.spawn(clearing).await.ok();
    }
}
