//! The first level: what this instance may serve from its own memory for a few milliseconds.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use entrepot_domain::CacheKey;
use moka::sync::Cache as Moka;
use tokio::sync::Semaphore;

use crate::cache::SERVE;

/// Into how many parts the keys fall, one for each value of a byte.
const STRIPES: usize = 256;

/// What a value takes beside its bytes, roughly: key, links and counters.
const OVERHEAD: u32 = 250;

/// Values, each with the moment until which it may be served.
///
/// A hit takes no lock. What is written is written under the lock of the key's stripe, and only if nothing of the
/// stripe was forgotten since the question was sent.
pub(super) struct FirstLevel {
    values: Moka<CacheKey, Arc<Held>>,
    stripes: [Mutex<Stripe>; STRIPES],
    hasher: RandomState,
    began: Instant,
}

#[derive(Default)]
struct Stripe {
    epoch: u64,
    flights: HashMap<CacheKey, Arc<Flight>>,
}

/// A value that Redis gave, or took.
pub(super) struct Held {
    /// It, for those who asked.
    pub(super) bytes: Arc<[u8]>,
    /// The token of the load that brought it.
    pub(super) token: u64,
    /// Nanoseconds after the level began.
    until: AtomicU64,
    renewing: AtomicBool,
}

/// A value that may be served.
pub(super) struct Served {
    pub(super) bytes: Arc<[u8]>,
    /// Whether the caller is the one who should ask for it again now.
    pub(super) renew: bool,
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
    /// What was known before, though it may not be served any more.
    pub(super) known: Option<Arc<Held>>,
    sent: Instant,
}

impl FirstLevel {
    pub(super) fn new(max_bytes: u64) -> Self {
        let weigh = |_: &CacheKey, held: &Arc<Held>| {
            u32::try_from(held.bytes.len()).unwrap_or(u32::MAX).saturating_add(OVERHEAD)
        };
        Self {
            values: Moka::builder().max_capacity(max_bytes).weigher(weigh).build(),
            stripes: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            began: Instant::now(),
        }
    }

    /// What may be served at that time.
    pub(super) fn get(&self, key: CacheKey, now: Instant) -> Option<Served> {
        let held = self.values.get(&key)?;
        let left = held.until.load(SeqCst).checked_sub(self.nanos(now)).filter(|left| *left > 0)?;
        // One is enough to ask again, and a flag that is only read costs the others nothing.
        let renew = left < nanos(SERVE) / 2 && !held.renewing.load(SeqCst) && !held.renewing.swap(true, SeqCst);
        Some(Served { bytes: held.bytes.clone(), renew })
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
        let known = self.values.get(&key);
        Question { level: self.clone(), key, flight, epoch, known, sent: Instant::now() }
    }

    /// Forgets a key, and what was asked about it until now.
    pub(super) fn forget(&self, key: CacheKey) {
        let mut stripe = self.stripe(key);
        stripe.epoch += 1;
        self.values.invalidate(&key);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        // All are held until the values are gone, or an answer could put one back in between.
        let mut held: Vec<_> = self.stripes.iter().map(lock).collect();
        for stripe in &mut held {
            stripe.epoch += 1;
        }
        let known: Vec<CacheKey> = self.values.iter().map(|(key, _)| *key).collect();
        for key in &known {
            self.values.invalidate(key);
        }
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
    /// Redis has this value, for so long. It may be served for a while that begins when the question was made, which
    /// is before it was sent: however late the answer comes, the lease in Redis outlasts it.
    pub(super) fn found(self, bytes: Arc<[u8]>, token: u64, left: Duration) {
        let until = AtomicU64::new(self.until(left));
        let held = Arc::new(Held { bytes, token, until, renewing: AtomicBool::new(false) });
        let stripe = self.level.stripe(self.key);
        if stripe.epoch == self.epoch {
            self.level.values.insert(self.key, held);
        }
        drop(stripe);
    }

    /// Redis has what was known before, for so long; gives it back.
    pub(super) fn found_known(self, left: Duration) -> Option<Arc<[u8]>> {
        let known = self.known.clone()?;
        let stripe = self.level.stripe(self.key);
        if stripe.epoch == self.epoch {
            known.until.store(self.until(left), SeqCst);
        }
        drop(stripe);
        Some(known.bytes.clone())
    }

    /// Redis has nothing; this is the token to load it with.
    pub(super) fn missed(self, token: u64) {
        if let Some(flight) = &self.flight {
            flight.missed.set(token).ok();
        }
        if self.known.is_some() {
            let stripe = self.level.stripe(self.key);
            if stripe.epoch == self.epoch {
                self.level.values.invalidate(&self.key);
            }
            drop(stripe);
        }
    }

    fn until(&self, left: Duration) -> u64 {
        self.level.nanos(self.sent + left.min(SERVE))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if let Some(known) = &self.known {
            known.renewing.store(false, SeqCst);
        }
        if let Some(flight) = self.flight.take() {
            self.level.stripe(self.key).flights.remove(&self.key);
            flight.over.close();
        }
    }
}
