//! The circuit breaker: whether Redis may be asked, and what it must receive before it may be asked again.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::pending::PendingInvalidations;

/// A circuit breaker: while it is closed, requests are sent to Redis; while it is open, none is.
///
/// The number of its changes is even while it is closed. A caller remembers the number when it asks, and discards the
/// answer if the number has changed by then.
pub(crate) struct CircuitBreaker {
    changes: AtomicU64,
    /// From when on cached values are trusted, in nanoseconds after `created`.
    cache_trusted_from: AtomicU64,
    created: Instant,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

struct State {
    pending: PendingInvalidations,
    opened: Instant,
    failures: u64,
    reason: Option<String>,
}

/// The result of an attempt to close the breaker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CloseResult {
    Closed,
    /// Invalidations are pending and must be delivered first.
    Pending,
    /// There was another failure in the meantime.
    Failed,
}

impl CircuitBreaker {
    /// An open breaker.
    pub(crate) fn new() -> Self {
        let created = Instant::now();
        Self {
            changes: AtomicU64::new(1),
            cache_trusted_from: AtomicU64::new(u64::MAX),
            created,
            state: Mutex::new(State {
                pending: PendingInvalidations::default(),
                opened: created,
                failures: 0,
                reason: None,
            }),
            changed: watch::Sender::new(()),
        }
    }

    /// If the breaker is closed, returns the number to compare when the answer is there.
    #[inline]
    pub(crate) fn enter(&self) -> Option<u64> {
        let changes = self.changes.load(SeqCst);
        changes.is_multiple_of(2).then_some(changes)
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.enter().is_some()
    }

    /// Whether the breaker has been closed all the time since [`enter`](Self::enter) returned that number.
    #[inline]
    pub(crate) fn is_unchanged_since(&self, entered: u64) -> bool {
        self.changes.load(SeqCst) == entered
    }

    /// Whether cached values may be trusted at that time.
    #[inline]
    pub(crate) fn trusts_cache(&self, now: Instant) -> bool {
        let now = u64::try_from(now.saturating_duration_since(self.created).as_nanos()).unwrap_or(u64::MAX);
        self.is_closed() && now >= self.cache_trusted_from.load(SeqCst)
    }

    /// Opens the breaker because of a failure.
    pub(crate) fn open(&self, reason: &str) {
        self.open_with(reason, PendingInvalidations::default());
    }

    /// Opens the breaker because invalidations failed, or may have failed. Returns when it was opened.
    pub(crate) fn open_with(&self, reason: &str, pending: PendingInvalidations) -> Instant {
        let mut state = self.state();
        state.reason = Some(reason.to_owned());
        state.failures += 1;
        state.pending.add(pending);
        let opens = self.is_closed();
        if opens {
            state.opened = Instant::now();
            self.cache_trusted_from.store(u64::MAX, SeqCst);
            self.changes.fetch_add(1, SeqCst);
        }
        let opened = state.opened;
        drop(state);
        self.changed.send_replace(());
        if opens {
            tracing::warn!(reason, "redis does not answer: going on without it");
        }
        opened
    }

    /// If the breaker is open, keeps the invalidations for later and returns when it was opened. Otherwise returns
    /// them: they are to be delivered now.
    pub(crate) fn defer(&self, pending: PendingInvalidations) -> Result<Instant, PendingInvalidations> {
        let mut state = self.state();
        if self.is_closed() {
            return Err(pending);
        }
        state.pending.add(pending);
        Ok(state.opened)
    }

    /// Takes all pending invalidations. The caller must deliver them.
    pub(crate) fn take_pending(&self) -> PendingInvalidations {
        std::mem::take(&mut self.state().pending)
    }

    /// The number of failures so far.
    pub(crate) fn failures(&self) -> u64 {
        self.state().failures
    }

    /// Closes the breaker, unless invalidations are pending or there were more than so many `failures`. Cached values
    /// are trusted only after `settle_time`.
    pub(crate) fn close(&self, failures: u64, settle_time: Duration) -> CloseResult {
        let mut state = self.state();
        if state.failures != failures {
            return CloseResult::Failed;
        }
        if !state.pending.is_empty() {
            return CloseResult::Pending;
        }
        if !self.is_closed() {
            let trusted_from = (self.created.elapsed() + settle_time).as_nanos();
            self.cache_trusted_from.store(u64::try_from(trusted_from).unwrap_or(u64::MAX), SeqCst);
            self.changes.fetch_add(1, SeqCst);
            state.reason = None;
            drop(state);
            self.changed.send_replace(());
        }
        CloseResult::Closed
    }

    /// Opens the breaker for good, without a log line.
    pub(crate) fn shut_down(&self) {
        let mut state = self.state();
        state.reason = Some("closed".into());
        state.failures += 1;
        if self.is_closed() {
            self.changes.fetch_add(1, SeqCst);
        }
    }

    /// The last failure, while the breaker is open.
    pub(crate) fn reason(&self) -> Option<String> {
        self.state().reason.clone()
    }

    /// Is notified whenever the breaker opens or closes, and of failures while it is open.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The state is consistent even if a thread panicked while it held the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{CacheKey, ProductId};
    use uuid::Uuid;

    use super::*;

    fn product(n: u128) -> CacheKey {
        CacheKey::Product(ProductId(Uuid::from_u128(n)))
    }

    fn pending(keys: impl IntoIterator<Item = u128>) -> PendingInvalidations {
        keys.into_iter().map(product).collect()
    }

    fn close(breaker: &CircuitBreaker, settle_time: Duration) -> CloseResult {
        breaker.close(breaker.failures(), settle_time)
    }

    #[test]
    fn it_does_not_close_while_invalidations_are_pending() {
        let breaker = CircuitBreaker::new();
        assert!(breaker.enter().is_none());
        assert!(breaker.defer(pending([1])).is_ok());
        assert_eq!(close(&breaker, Duration::ZERO), CloseResult::Pending);
        let taken = breaker.take_pending();
        assert!(taken.keys.contains(&product(1)) && !taken.everything);
        breaker.open_with("it was not delivered", taken);
        assert_eq!(close(&breaker, Duration::ZERO), CloseResult::Pending);
        breaker.take_pending();
        assert_eq!(close(&breaker, Duration::ZERO), CloseResult::Closed);
        assert!(breaker.enter().is_some() && breaker.defer(pending([1])).is_err());
        breaker.open_with("on purpose", pending([1]));
        assert_eq!(close(&breaker, Duration::ZERO), CloseResult::Pending);
    }

    #[test]
    fn probe_started_before_a_failure_does_not_close_it() {
        let breaker = CircuitBreaker::new();
        let failures = breaker.failures();
        breaker.open("the connection was lost");
        assert_eq!(breaker.close(failures, Duration::ZERO), CloseResult::Failed);
        assert!(breaker.enter().is_none());
    }

    #[test]
    fn answer_older_than_a_change_is_recognised() {
        let breaker = CircuitBreaker::new();
        close(&breaker, Duration::ZERO);
        let entered = breaker.enter().unwrap();
        assert!(breaker.is_unchanged_since(entered) && breaker.trusts_cache(Instant::now()));
        breaker.open("on purpose");
        breaker.open("again");
        assert_eq!(breaker.reason().unwrap(), "again");
        assert!(!breaker.is_unchanged_since(entered) && !breaker.trusts_cache(Instant::now()));
        close(&breaker, Duration::from_mins(1));
        assert!(!breaker.is_unchanged_since(entered) && breaker.enter().is_some());
        assert!(!breaker.trusts_cache(Instant::now()) && breaker.trusts_cache(Instant::now() + Duration::from_mins(2)));
    }

    #[test]
    fn too_many_pending_keys_become_everything() {
        let breaker = CircuitBreaker::new();
        assert!(breaker.defer(pending(0..=10_000)).is_ok());
        assert!(breaker.defer(pending([1])).is_ok());
        let taken = breaker.take_pending();
        assert!(taken.everything && taken.keys.is_empty());
    }
}
