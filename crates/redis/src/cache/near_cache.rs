//! The near cache: values in the memory of this instance, which may be served while its lease is valid.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use entrepot_domain::{CacheKey, CachedValue};
use quick_cache::{Weighter, sync::Cache as Values};
use tokio::sync::Semaphore;

/// The number of locks among which the keys are divided: one for each value of a byte.
const STRIPES: usize = 256;

/// Values, and the time until which all of them may be served.
///
/// A hit takes only a shared lock. A value is inserted under the lock of its key's stripe, and only if no key of the
/// stripe was invalidated since the value was requested.
pub(super) struct NearCache {
    values: Values<CacheKey, Entry, EntryWeight>,
    stripes: [Mutex<Stripe>; STRIPES],
    hasher: RandomState,
    created: Instant,
    /// Until when values may be served, in nanoseconds after `created`.
    served_until: AtomicU64,
    /// How often the cache was cleared. A value that was requested before a clearing is not served after it.
    generation: AtomicU64,
}

#[derive(Default)]
struct Stripe {
    /// How often a key of the stripe was invalidated.
    version: u64,
    in_flight: HashMap<CacheKey, Arc<InFlight>>,
}

/// A value that is the same in Redis.
#[derive(Clone)]
struct Entry {
    value: CachedValue,
    /// When its time to live ends, in nanoseconds after the cache was created.
    expires: u64,
    generation: u64,
}

/// The memory that an entry takes, in bytes.
#[derive(Clone)]
struct EntryWeight;

impl EntryWeight {
    /// The approximate size of key, links and counters.
    const OVERHEAD: u64 = 250;
    /// The approximate size of a usual entry; the number of shards depends on it.
    const USUAL: u64 = 500;
}

impl Weighter<CacheKey, Entry> for EntryWeight {
    fn weight(&self, _: &CacheKey, entry: &Entry) -> u64 {
        // The bytes, and the value that was decoded from them.
        u64::try_from(entry.value.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(Self::OVERHEAD)
    }
}

/// A look-up in Redis on which other callers wait.
pub(super) struct InFlight {
    /// Has no permits; it is closed when the look-up ends.
    done: Semaphore,
    missed: OnceLock<u64>,
}

impl InFlight {
    /// Waits until the look-up ends; returns the load's token if nothing was found.
    pub(super) async fn finished(&self) -> Option<u64> {
        self.done.acquire().await.ok();
        self.missed.get().copied()
    }
}

/// Who asks Redis for a key.
pub(super) enum Asker {
    /// The caller does.
    Caller(Fetch),
    /// Another caller has asked already.
    Other(Arc<InFlight>),
}

/// A request to Redis whose answer may be inserted. Dropping it, with an answer or without, wakes all who wait.
pub(super) struct Fetch {
    cache: Arc<NearCache>,
    key: CacheKey,
    in_flight: Option<Arc<InFlight>>,
    version: u64,
    generation: u64,
    sent: Instant,
}

impl NearCache {
    pub(super) fn new(max_bytes: u64) -> Self {
        let items = usize::try_from(max_bytes / EntryWeight::USUAL).unwrap_or(usize::MAX);
        Self {
            values: Values::with_weighter(items, max_bytes, EntryWeight),
            stripes: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            created: Instant::now(),
            served_until: AtomicU64::new(0),
            generation: AtomicU64::new(0),
        }
    }

    /// The value of a key, if it may be served at that time.
    pub(super) fn get(&self, key: CacheKey, now: Instant) -> Option<CachedValue> {
        // The lease must be read first: a thread that sees it extended also sees the removals from before. A value
        // that was read earlier might be one of those.
        if self.nanos(now) >= self.served_until.load(SeqCst) {
            return None;
        }
        self.entry(key, now).map(|entry| entry.value)
    }

    /// Whether there is a value that would be served if the lease were valid.
    pub(super) fn contains(&self, key: CacheKey, now: Instant) -> bool {
        self.entry(key, now).is_some()
    }

    fn entry(&self, key: CacheKey, now: Instant) -> Option<Entry> {
        let entry = self.values.get(&key)?;
        (entry.generation == self.generation.load(SeqCst) && self.nanos(now) < entry.expires).then_some(entry)
    }

    /// Allows all values to be served until then. Invalidated ones must be removed before.
    pub(super) fn serve_until(&self, end: Instant) {
        self.served_until.store(self.nanos(end), SeqCst);
    }

    /// Begins to ask Redis for a key, unless another caller has begun.
    pub(super) fn begin_fetch(self: &Arc<Self>, key: CacheKey) -> Asker {
        let mut stripe = self.stripe(key);
        if let Some(in_flight) = stripe.in_flight.get(&key) {
            return Asker::Other(in_flight.clone());
        }
        let in_flight = Arc::new(InFlight { done: Semaphore::new(0), missed: OnceLock::new() });
        stripe.in_flight.insert(key, in_flight.clone());
        let version = stripe.version;
        drop(stripe);
        Asker::Caller(self.fetch(key, Some(in_flight), version))
    }

    /// Begins to ask Redis for a key, whether another caller has begun or not.
    pub(super) fn begin_own_fetch(self: &Arc<Self>, key: CacheKey) -> Fetch {
        let version = self.stripe(key).version;
        self.fetch(key, None, version)
    }

    fn fetch(self: &Arc<Self>, key: CacheKey, in_flight: Option<Arc<InFlight>>, version: u64) -> Fetch {
        let generation = self.generation.load(SeqCst);
        Fetch { cache: self.clone(), key, in_flight, version, generation, sent: Instant::now() }
    }

    /// Removes a key; answers to requests from before are not inserted.
    pub(super) fn remove(&self, key: CacheKey) {
        let mut stripe = self.stripe(key);
        stripe.version += 1;
        self.values.remove(&key);
    }

    /// Removes everything; answers to requests from before are not served. The memory is reused, not freed.
    pub(super) fn clear(&self) {
        self.generation.fetch_add(1, SeqCst);
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.created).as_nanos()).unwrap_or(u64::MAX)
    }

    fn stripe(&self, key: CacheKey) -> MutexGuard<'_, Stripe> {
        let [index, ..] = self.hasher.hash_one(key).to_le_bytes();
        let [first, ..] = &self.stripes;
        // The state is consistent even if a thread panicked while it held the lock.
        self.stripes.get(usize::from(index)).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetch {
    /// Redis has this value for the given time to live, which counts from when the request was sent.
    pub(super) fn found(self, value: CachedValue, ttl: Duration) {
        let expires = self.cache.nanos(self.sent + ttl);
        let entry = Entry { value, expires, generation: self.generation };
        let stripe = self.cache.stripe(self.key);
        // An answer from before an invalidation may arrive after the poll that reported the invalidation.
        if stripe.version == self.version {
            self.cache.values.insert(self.key, entry);
        }
        drop(stripe);
    }

    /// Redis has nothing; this is the token to load the value with.
    pub(super) fn missed(self, token: u64) {
        if let Some(in_flight) = &self.in_flight {
            in_flight.missed.set(token).ok();
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if let Some(in_flight) = self.in_flight.take() {
            self.cache.stripe(self.key).in_flight.remove(&self.key);
            in_flight.done.close();
        }
    }
}
