//! The cache.

mod invalidation_queue;
mod lease;
mod near_cache;
#[cfg(test)]
mod tests;

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
    invalidation_queue::{InvalidationQueue, QueuedInvalidation},
    lease::Lease,
    near_cache::{Asker, Fetch, NearCache},
};
use crate::{
    client::{connection::Connection, pending::PendingInvalidations, script::Script},
    invalidation::invalidator::Invalidator,
    lifecycle::Redis,
};

/// How long a load may take; a value that is put later is not kept.
const LOAD_TIMEOUT: Duration = Duration::from_mins(1);

/// How often a look-up waits for a poll or for another caller's request before it asks Redis itself.
const MAX_WAITS: usize = 2;

/// The longest time to live: Redis has no unlimited range.
const MAX_TTL: Duration = Duration::from_hours(365 * 24);

/// The first byte of a value in Redis, and of the token of a load that is under way.
const VALUE: u8 = b'=';
const LOAD: u8 = b'?';

/// Returns the value and its time to live. If there is none, returns the token of the load that is under way, which all
/// callers have in common until one has put a value.
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

/// Stores a value in exchange for the token of its load, if the token is still there.
const PUT: &str = r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
";

/// Caches bytes in Redis, for all instances, and for a few milliseconds also in the process.
///
/// **The guarantee of [`Cache::invalidate`], while Redis can be reached.** A miss stores a token in the value's place
/// and returns it as the ticket; an invalidation deletes what is there; a value is put only in exchange for the token.
/// So nothing that was loaded before a write is kept after it.
///
/// **The near cache** serves values without asking Redis, as long as the instance has a lease. While it is read, the
/// instance asks Redis every two milliseconds or so which keys were invalidated, drops those, and may then serve all
/// others for 4.5 ms, counted from before the poll was sent; Redis notes that it may do so for 5 ms. An invalidation
/// deletes the value, logs the key, and waits until all leases that other instances had at that moment have ended: by
/// then each has read of the key, or serves nothing. So no instance serves the old value when the invalidation returns.
/// The clocks of two machines are never compared, only their speed matters. Nothing waits while no other instance reads,
/// and a hit costs Redis nothing, however many keys are read. An instance that was away for longer than the log reaches
/// back drops everything.
///
/// **While Redis cannot be reached**, every look-up is a miss and nothing is kept. An invalidation returns when the
/// other instances that are cut off as well have noticed it, which is within 200 ms of the outage, and is delivered
/// before this instance uses the cache again. After an outage every instance waits for two more seconds, so that the
/// others have delivered theirs as well. If another Redis answers then (it was restarted, or a replica took over),
/// everything is dropped first. What remains:
///
/// - An instance that *alone* is cut off, or stops before the outage ends, cannot inform the others: they may read the
///   values from before its writes until it is back, or until their time to live ends.
/// - A replica that takes over may have missed an invalidation that the former master had answered. It may be asked in
///   the moment before the loss of the connection is noticed.
pub struct RedisCache {
    inner: Arc<Inner>,
    lease_task: AbortHandle,
}

struct Inner {
    connection: Arc<Connection>,
    invalidator: Arc<Invalidator>,
    near_cache: Arc<NearCache>,
    lease: Arc<Lease>,
    /// Identifies this cache among the holders of leases.
    holder: u64,
    queue: InvalidationQueue,
    lookup: Script,
    put: Script,
}

impl RedisCache {
    /// A cache whose near cache takes at most about this many bytes.
    pub fn new(redis: Redis, near_cache_bytes: u64) -> Self {
        let Redis { connection, invalidator } = redis;
        let holder = connection.unique.next();
        let near_cache = Arc::new(NearCache::new(near_cache_bytes));
        let lease = Arc::new(Lease::new(connection.clone(), near_cache.clone(), holder));
        invalidator.register(holder);
        let lease_task = connection.spawn(lease.clone().keep());
        let (queue, lookup, put) = (InvalidationQueue::default(), Script::new(LOOKUP), Script::new(PUT));
        let inner = Inner { connection, invalidator, near_cache, lease, holder, queue, lookup, put };
        Self { inner: Arc::new(inner), lease_task }
    }
}

impl Drop for RedisCache {
    fn drop(&mut self) {
        self.lease_task.abort();
    }
}

impl Inner {
    /// Serves from the near cache, if that is allowed at that time.
    fn serve(&self, key: CacheKey, now: Instant) -> Option<Lookup> {
        let value = self.near_cache.get(key, now)?;
        self.lease.note_use();
        Some(Lookup::Hit(value))
    }

    /// Renews the lease if that may be enough, asks Redis, or waits for another caller who does.
    async fn look_up(&self, key: CacheKey) -> Lookup {
        for _ in 0..MAX_WAITS {
            if self.near_cache.contains(key, Instant::now()) {
                self.lease.poll_soon().await;
            } else {
                let in_flight = match self.near_cache.begin_fetch(key) {
                    Asker::Caller(fetch) => return self.ask(key, fetch).await,
                    Asker::Other(in_flight) => in_flight,
                };
                if let Ok(Some(token)) = timeout(self.connection.command_timeout(), in_flight.finished()).await {
                    return Lookup::Miss(Ticket(token));
                }
            }
            // A late answer may be from before a write that was answered before this look-up began: it counts only if
            // the near cache may still serve it.
            let now = Instant::now();
            if !self.connection.breaker.trusts_cache(now) {
                return Lookup::Miss(UNUSABLE_TICKET);
            }
            if let Some(served) = self.serve(key, now) {
                return served;
            }
        }
        self.ask(key, self.near_cache.begin_own_fetch(key)).await
    }

    async fn ask(&self, key: CacheKey, fetch: Fetch) -> Lookup {
        let args = vec![load(self.connection.unique.next()), millis(LOAD_TIMEOUT)];
        match self.connection.run(&self.lookup, vec![self.connection.keys.cached(key)], args).await {
            None => Lookup::Miss(UNUSABLE_TICKET),
            Some(answer) => self.apply(fetch, &answer),
        }
    }

    fn apply(&self, fetch: Fetch, answer: &Value) -> Lookup {
        let lookup = match answer {
            Value::Array(parts) => match parts.as_slice() {
                [Value::Integer(left), value] => {
                    value.as_bytes().and_then(|bytes| strip_tag(VALUE, bytes)).map(|bytes| {
                        let value = CachedValue::from(bytes);
                        fetch.found(value.clone(), Duration::from_millis(u64::try_from(*left).unwrap_or(0)));
                        Lookup::Hit(value)
                    })
                }
                _ => None,
            },
            load => load.as_bytes().and_then(|bytes| strip_tag(LOAD, bytes)?.try_into().ok()).map(|token| {
                let token = u64::from_be_bytes(token);
                fetch.missed(token);
                Lookup::Miss(Ticket(token))
            }),
        };
        lookup.unwrap_or_else(|| {
            self.connection.note_unexpected(answer);
            Lookup::Miss(UNUSABLE_TICKET)
        })
    }

    /// Sends queued invalidations until the queue is empty.
    async fn send_invalidations(&self) {
        let mut batches = self.queue.batches();
        while let Some(batch) = batches.next() {
            let changed = batch.iter().flat_map(|queued| queued.keys.iter().copied()).collect();
            let until = self.invalidator.invalidate(changed, self.holder).await;
            for QueuedInvalidation { keys, done } in batch {
                // After Redis has deleted them: an answer that Redis gave before must not be kept any more.
                for key in keys {
                    self.near_cache.remove(key);
                }
                done.send(until).ok();
            }
        }
    }
}

/// A ticket with which nothing can be put.
const UNUSABLE_TICKET: Ticket = Ticket(0);

/// A load's token as it is stored in the place of the value.
fn load(token: u64) -> Value {
    tag(LOAD, &token.to_be_bytes())
}

fn tag(tag: u8, bytes: &[u8]) -> Value {
    Value::Bytes(Bytes::from([&[tag], bytes].concat()))
}

fn strip_tag(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    bytes.split_first().and_then(|(first, rest)| (*first == tag).then_some(rest))
}

fn millis(duration: Duration) -> Value {
    Value::from(duration.as_millis().to_string())
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: CacheKey) -> Lookup {
        let now = Instant::now();
        if !self.inner.connection.breaker.trusts_cache(now) {
            return Lookup::Miss(UNUSABLE_TICKET);
        }
        match self.inner.serve(key, now) {
            Some(served) => served,
            // On the heap, because the future is large and most calls do not need it.
            None => Box::pin(self.inner.look_up(key)).await,
        }
    }

    async fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration, ticket: Ticket) {
        let ttl = ttl.min(MAX_TTL);
        if ticket == UNUSABLE_TICKET
            || ttl.as_millis() == 0
            || !self.inner.connection.breaker.trusts_cache(Instant::now())
        {
            return;
        }
        let inner = &self.inner;
        let fetch = inner.near_cache.begin_own_fetch(key);
        let args = vec![load(ticket.0), tag(VALUE, &value), millis(ttl)];
        match inner.connection.run(&inner.put, vec![inner.connection.keys.cached(key)], args).await {
            Some(Value::Integer(1)) => fetch.found(value.into(), ttl),
            Some(Value::Integer(_)) | None => {}
            Some(other) => inner.connection.note_unexpected(&other),
        }
    }

    async fn invalidate(&self, keys: &[CacheKey]) {
        if keys.is_empty() {
            return;
        }
        let (done, until) = oneshot::channel();
        if self.inner.queue.add(QueuedInvalidation { keys: keys.to_vec(), done }) {
            let inner = self.inner.clone();
            // In a task of its own: the write has happened, whether its caller still waits or not.
            self.inner.connection.runtime.spawn(async move { inner.send_invalidations().await });
        }
        if let Ok(Some(until)) = until.await {
            sleep_until(until.into()).await;
        }
    }

    async fn clear(&self) {
        let inner = self.inner.clone();
        let clearing = async move {
            let until = inner.invalidator.invalidate(PendingInvalidations::everything(), inner.holder).await;
            inner.near_cache.clear();
            if let Some(until) = until {
                sleep_until(until.into()).await;
            }
        };
        self.inner.connection.runtime.spawn(clearing).await.ok();
    }
}
