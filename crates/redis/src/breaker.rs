//! Who may ask Redis now, and what it must be told before anybody may again.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use entrepot_domain::CacheKey;
use tokio::sync::watch;

/// How many keys may be owed; beyond that everything is cleared instead.
const OWED: usize = 10_000;

/// A circuit breaker: closed, everybody may ask Redis; open, nobody does.
///
/// The number of times that it changed says which it is: even for closed. Whoever asks while it is closed remembers
/// the number, and disbelieves the answer if it is another one by then.
pub(crate) struct Breaker {
    changes: AtomicU64,
    /// From when on cached values are believed, in nanoseconds after `began`.
    settled: AtomicU64,
    began: Instant,
    state: Mutex<State>,
    news: watch::Sender<()>,
}

struct State {
    owed: Owed,
    opened: Instant,
    /// How often something went wrong.
    failures: u64,
    why: Option<String>,
}

/// What came of an attempt to close.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It is closed.
    Closed,
    /// Something is owed, and to be paid before.
    Owes,
    /// Something else went wrong meanwhile.
    Failed,
}

/// Cached things that were changed, and that Redis must forget.
#[derive(Default)]
pub(crate) struct Owed {
    /// These were.
    pub(crate) keys: HashSet<CacheKey>,
    /// Anything may have been.
    pub(crate) everything: bool,
}

impl Owed {
    /// Everything is to be forgotten.
    pub(crate) fn everything() -> Self {
        Self { keys: HashSet::new(), everything: true }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && !self.everything
    }

    fn add(&mut self, more: Self) {
        self.everything |= more.everything;
        self.keys.extend(more.keys);
        if self.everything || self.keys.len() > OWED {
            *self = Self::everything();
        }
    }
}

impl FromIterator<CacheKey> for Owed {
    fn from_iter<I: IntoIterator<Item = CacheKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), everything: false }
    }
}

impl Breaker {
    /// An open one.
    pub(crate) fn new() -> Self {
        let began = Instant::now();
        Self {
            changes: AtomicU64::new(1),
            settled: AtomicU64::new(u64::MAX),
            began,
            state: Mutex::new(State { owed: Owed::default(), opened: began, failures: 0, why: None }),
            news: watch::Sender::new(()),
        }
    }

    /// Lets somebody ask, with the number to compare when the answer is there.
    #[inline]
    pub(crate) fn enter(&self) -> Option<u64> {
        let changes = self.changes.load(SeqCst);
        changes.is_multiple_of(2).then_some(changes)
    }

    /// Whether it has been closed since then.
    #[inline]
    pub(crate) fn is_still(&self, changes: u64) -> bool {
        self.changes.load(SeqCst) == changes
    }

    /// Whether cached values may be believed at that time.
    #[inline]
    pub(crate) fn is_settled(&self, now: Instant) -> bool {
        let now = u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX);
        self.enter().is_some() && now >= self.settled.load(SeqCst)
    }

    /// Lets nobody ask any more, because of something that went wrong.
    pub(crate) fn open(&self, why: &str) {
        self.open_owing(why, Owed::default());
    }

    /// The same, when what was to be forgotten was not, or maybe not. Tells when it was opened.
    pub(crate) fn open_owing(&self, why: &str, owed: Owed) -> Instant {
        let mut state = self.state();
        state.why = Some(why.to_owned());
        state.failures += 1;
        state.owed.add(owed);
        let opens = self.enter().is_some();
        if opens {
            state.opened = Instant::now();
            self.settled.store(u64::MAX, SeqCst);
            self.changes.fetch_add(1, SeqCst);
        }
        let opened = state.opened;
        drop(state);
        self.news.send_replace(());
        if opens {
            tracing::warn!(reason = why, "redis does not answer: going on without it");
        }
        opened
    }

    /// Remembers what is to be forgotten, if nobody may ask, and tells when it was opened; otherwise Redis is to be
    /// told now.
    pub(crate) fn owe(&self, owed: Owed) -> Result<Instant, Owed> {
        let mut state = self.state();
        if self.enter().is_some() {
            return Err(owed);
        }
        state.owed.add(owed);
        Ok(state.opened)
    }

    /// What is owed, to be paid by the caller.
    pub(crate) fn take(&self) -> Owed {
        std::mem::take(&mut self.state().owed)
    }

    /// How often something went wrong until now.
    pub(crate) fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Lets everybody ask again, unless something is owed, or went wrong after so many `failures`. Cached values are
    /// believed only after `pause`.
    pub(crate) fn close(&self, failures: u64, pause: Duration) -> Closing {
        let mut state = self.state();
        if state.failures != failures {
            return Closing::Failed;
        }
        if !state.owed.is_empty() {
            return Closing::Owes;
        }
        if self.enter().is_none() {
            let settled = (self.began.elapsed() + pause).as_nanos();
            self.settled.store(u64::try_from(settled).unwrap_or(u64::MAX), SeqCst);
            self.changes.fetch_add(1, SeqCst);
            state.why = None;
            drop(state);
            self.news.send_replace(());
        }
        Closing::Closed
    }

    /// Opens it for good, without a word.
    pub(crate) fn shut(&self) {
        let mut state = self.state();
        state.why = Some("closed".into());
        state.failures += 1;
        if self.enter().is_some() {
            self.changes.fetch_add(1, SeqCst);
        }
    }

    /// What went wrong last, while it is open.
    pub(crate) fn why(&self) -> Option<String> {
        self.state().why.clone()
    }

    /// Tells whenever it opened or closed, or something went wrong while it was open.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// A holder that panicked left nothing half done behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::ProductId;
    use uuid::Uuid;

    use super::*;

    fn product(n: u128) -> CacheKey {
        CacheKey::Product(ProductId(Uuid::from_u128(n)))
    }

    fn owed(keys: impl IntoIterator<Item = u128>) -> Owed {
        Owed { keys: keys.into_iter().map(product).collect(), everything: false }
    }

    fn close(breaker: &Breaker, pause: Duration) -> Closing {
        breaker.close(breaker.failures(), pause)
    }

    #[test]
    fn it_does_not_close_while_something_is_owed() {
        let breaker = Breaker::new();
        assert!(breaker.enter().is_none());
        assert!(breaker.owe(owed([1])).is_ok());
        assert_eq!(close(&breaker, Duration::ZERO), Closing::Owes);
        let taken = breaker.take();
        assert!(taken.keys.contains(&product(1)) && !taken.everything);
        breaker.open_owing("it was not paid", taken);
        assert_eq!(close(&breaker, Duration::ZERO), Closing::Owes);
        breaker.take();
        assert_eq!(close(&breaker, Duration::ZERO), Closing::Closed);
        assert!(breaker.enter().is_some() && breaker.owe(owed([1])).is_err());
        breaker.open_owing("on purpose", owed([1]));
        assert_eq!(close(&breaker, Duration::ZERO), Closing::Owes);
    }

    #[test]
    fn it_does_not_close_on_what_was_found_before_a_failure() {
        let breaker = Breaker::new();
        let found = breaker.failures();
        breaker.open("the connection was lost");
        assert_eq!(breaker.close(found, Duration::ZERO), Closing::Failed);
        assert!(breaker.enter().is_none());
    }

    #[test]
    fn an_answer_from_before_a_change_is_told_apart() {
        let breaker = Breaker::new();
        close(&breaker, Duration::ZERO);
        let asked = breaker.enter().unwrap();
        assert!(breaker.is_still(asked) && breaker.is_settled(Instant::now()));
        breaker.open("on purpose");
        breaker.open("again");
        assert_eq!(breaker.why().unwrap(), "again");
        assert!(!breaker.is_still(asked) && !breaker.is_settled(Instant::now()));
        close(&breaker, Duration::from_mins(1));
        assert!(!breaker.is_still(asked) && breaker.enter().is_some());
        assert!(!breaker.is_settled(Instant::now()) && breaker.is_settled(Instant::now() + Duration::from_mins(2)));
    }

    #[test]
    fn who_owes_too_much_owes_everything() {
        let breaker = Breaker::new();
        assert!(breaker.owe(owed(0..=10_000)).is_ok());
        assert!(breaker.owe(owed([1])).is_ok());
        let taken = breaker.take();
        assert!(taken.everything && taken.keys.is_empty());
    }
}
