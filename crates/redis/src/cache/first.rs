//! The first level: what this instance may serve from its own memory, as long as its lease is valid.

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

/// Into how many parts the keys fall, one for each value of a byte.
const STRIPES: usize = 256;

/// Values, and the moment until which all of them may be served.
///
/// A hit shares its lock with all other hits. What is written is written under the lock of the key's stripe, and only if nothing of the
/// stripe was forgotten since the question was sent.
pub(super) struct FirstLevel {
    values: Values<CacheKey, Held, Size>,
    stripes: [Mutex<Stripe>; STRIPES],
    hasher: RandomState,
    began: Instant,
    /// Until when anything may be served, in nanoseconds after `began`.
    served: AtomicU64,
    /// How often everything was forgotten. What was asked for before is not served after.
    era: AtomicU64,
}

#[derive(Default)]
struct Stripe {
    epoch: u64,
    flights: HashMap<CacheKey, Arc<Flight>>,
}

/// A value that Redis gave, or took.
#[derive(Clone)]
struct Held {
    value: CachedValue,
    /// When its time to live is over, in nanoseconds after the level began.
    until: u64,
    era: u64,
}

/// What a value takes, in bytes.
#[derive(Clone)]
struct Size;

impl Size {
    /// What it takes beside its bytes, roughly: key, links and counters.
    const OVERHEAD: u64 = 250;
    /// What most take together, roughly; into how many parts the values fall depends on it.
    const USUAL: u64 = 500;
}

impl Weighter<CacheKey, Held> for Size {
    fn weight(&self, _: &CacheKey, held: &Held) -> u64 {
        // Once as bytes, and once as what they were read as.
        u64::try_from(held.value.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(Self::OVERHEAD)
    }
}

/// A question that is under way, and on whose answer others wait.
pub(super) struct Flight {
    /// Has no places; it is closed when the question is over.
    over: Semaphore,
    missed: OnceLock<u64>,
}

impl Flight {
    /// Waits until the question is over; the token to load with, if nothing was there.
    pub(super) async fn landed(&self) -> Option<u64> {
        self.over.acquire().await.ok();
        self.missed.get().copied()
    }
}

/// Whose turn it is to ask.
pub(super) enum Turn {
    /// The caller's.
    Mine(Question),
    /// Somebody else's, who has asked already.
    Theirs(Arc<Flight>),
}

/// The right to ask about a key. When it is dropped, with an answer or without, whoever waits goes on.
pub(super) struct Question {
    level: Arc<FirstLevel>,
    key: CacheKey,
    flight: Option<Arc<Flight>>,
    epoch: u64,
    era: u64,
    sent: Instant,
}

impl FirstLevel {
    pub(super) fn new(max_bytes: u64) -> Self {
        let items = usize::try_from(max_bytes / Size::USUAL).unwrap_or(usize::MAX);
        Self {
            values: Values::with_weighter(items, max_bytes, Size),
            stripes: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            began: Instant::now(),
            served: AtomicU64::new(0),
            era: AtomicU64::new(0),
        }
    }

    /// What may be served at that time.
    pub(super) fn get(&self, key: CacheKey, now: Instant) -> Option<CachedValue> {
        // The lease first: whoever sees that it was extended sees also what was forgotten before. A value that was
        // looked up earlier might be one of those.
        if self.nanos(now) >= self.served.load(SeqCst) {
            return None;
        }
        self.held(key, now).map(|held| held.value)
    }

    /// Whether there is something that would be served if the lease were valid.
    pub(super) fn holds(&self, key: CacheKey, now: Instant) -> bool {
        self.held(key, now).is_some()
    }

    fn held(&self, key: CacheKey, now: Instant) -> Option<Held> {
        let held = self.values.get(&key)?;
        (held.era == self.era.load(SeqCst) && self.nanos(now) < held.until).then_some(held)
    }

    /// Allows everything that is here to be served until then. Forget first what is to be forgotten.
    pub(super) fn serve_until(&self, end: Instant) {
        self.served.store(self.nanos(end), SeqCst);
    }

    /// Asks for the right to ask.
    pub(super) fn turn(self: &Arc<Self>, key: CacheKey) -> Turn {
        let mut stripe = self.stripe(key);
        if let Some(flight) = stripe.flights.get(&key) {
            return Turn::Theirs(flight.clone());
        }
        let flight = Arc::new(Flight { over: Semaphore::new(0), missed: OnceLock::new() });
        stripe.flights.insert(key, flight.clone());
        let epoch = stripe.epoch;
        drop(stripe);
        Turn::Mine(self.question(key, Some(flight), epoch))
    }

    /// The right to ask beside others.
    pub(super) fn beside(self: &Arc<Self>, key: CacheKey) -> Question {
        let epoch = self.stripe(key).epoch;
        self.question(key, None, epoch)
    }

    fn question(self: &Arc<Self>, key: CacheKey, flight: Option<Arc<Flight>>, epoch: u64) -> Question {
        let era = self.era.load(SeqCst);
        Question { level: self.clone(), key, flight, epoch, era, sent: Instant::now() }
    }

    /// Forgets a key, and what was asked about it until now.
    pub(super) fn forget(&self, key: CacheKey) {
        let mut stripe = self.stripe(key);
        stripe.epoch += 1;
        self.values.remove(&key);
    }

    /// Forgets everything, and what was asked until now. The bytes stay until others need their room.
    pub(super) fn clear(&self) {
        self.era.fetch_add(1, SeqCst);
    }

    fn nanos(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.began))
    }

    fn stripe(&self, key: CacheKey) -> MutexGuard<'_, Stripe> {
        let [place, ..] = self.hasher.hash_one(key).to_le_bytes();
        let [first, ..] = &self.stripes;
        lock(self.stripes.get(usize::from(place)).unwrap_or(first))
    }
}

/// A holder that panicked left nothing half done behind.
fn lock(stripe: &Mutex<Stripe>) -> MutexGuard<'_, Stripe> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Question {
    /// Redis has this value, for so long, counted from when the question was made.
    pub(super) fn found(self, value: CachedValue, left: Duration) {
        let until = self.level.nanos(self.sent + left);
        let held = Held { value, until, era: self.era };
        let stripe = self.level.stripe(self.key);
        // An answer from before an invalidation may come after the poll that told of it.
        if stripe.epoch == self.epoch {
            self.level.values.insert(self.key, held);
        }
        drop(stripe);
    }

    /// Redis has nothing; this is the token to load it with.
    pub(super) fn missed(self, token: u64) {
        if let Some(flight) = &self.flight {
            flight.missed.set(token).ok();
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.level.stripe(self.key).flights.remove(&self.key);
            flight.over.close();
        }
    }
}
