//! Invalidations that come while one is under way, told together.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use entrepot_domain::CacheKey;
use tokio::sync::oneshot;

/// Who waits for the invalidation that is under way. Every order forgets its products, so under load there are many of
/// them, and what one costs is for the most part the same however many keys it names.
#[derive(Default)]
pub(super) struct Gathered(Mutex<State>);

#[derive(Default)]
struct State {
    under_way: bool,
    waiting: Vec<Waiting>,
}

/// Somebody whose keys are to be forgotten.
pub(super) struct Waiting {
    pub(super) keys: Vec<CacheKey>,
    /// Until when another instance may serve any of them, if one may.
    pub(super) told: oneshot::Sender<Option<Instant>>,
}

/// The duty to tell of all that was gathered, until there is nothing more.
pub(super) struct Duty<'a> {
    gathered: &'a Gathered,
    done: bool,
}

impl Gathered {
    /// Adds to what will be told next. Whoever is told `true` has to see to it that somebody [does](Self::duty).
    pub(super) fn add(&self, waiting: Waiting) -> bool {
        let mut state = self.state();
        state.waiting.push(waiting);
        !mem::replace(&mut state.under_way, true)
    }

    /// Takes the duty on.
    pub(super) fn duty(&self) -> Duty<'_> {
        Duty { gathered: self, done: false }
    }

    /// A holder that panicked left nothing half done behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Duty<'_> {
    /// All that came meanwhile; nothing if the duty is done.
    pub(super) fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut state = self.gathered.state();
        state.under_way = !state.waiting.is_empty();
        self.done = !state.under_way;
        state.under_way.then(|| mem::take(&mut state.waiting))
    }
}

impl Drop for Duty<'_> {
    /// Nobody waits for a duty that was given up, as it is when the runtime ends.
    fn drop(&mut self) {
        if !self.done {
            *self.gathered.state() = State::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::ProductId;
    use uuid::Uuid;

    use super::*;

    fn one(gathered: &Gathered, n: u128) -> (bool, oneshot::Receiver<Option<Instant>>) {
        let (told, until) = oneshot::channel();
        let keys = vec![CacheKey::Product(ProductId(Uuid::from_u128(n)))];
        (gathered.add(Waiting { keys, told }), until)
    }

    #[test]
    fn the_first_has_to_tell_and_those_who_come_meanwhile_are_told_together() {
        let gathered = Gathered::default();
        let (mine, _first) = one(&gathered, 1);
        assert!(mine);
        let mut duty = gathered.duty();
        assert_eq!(duty.next().unwrap().len(), 1);
        let (second, third) = (one(&gathered, 2), one(&gathered, 3));
        assert!(!second.0 && !third.0);
        assert_eq!(duty.next().unwrap().len(), 2);
        assert!(duty.next().is_none());
        let (mine, mut fourth) = one(&gathered, 4);
        drop(duty);
        assert!(mine, "the duty was done");
        assert_eq!(fourth.try_recv(), Err(oneshot::error::TryRecvError::Empty), "and is the next one's");
    }

    #[test]
    fn nobody_waits_for_a_duty_that_was_given_up() {
        let gathered = Gathered::default();
        let (_, mut first) = one(&gathered, 1);
        drop(gathered.duty());
        assert!(first.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
        assert!(one(&gathered, 2).0);
    }
}
