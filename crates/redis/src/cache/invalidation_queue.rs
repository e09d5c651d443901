//! Invalidations that arrive while one is under way, to be sent together.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use entrepot_domain::CacheKey;
use tokio::sync::oneshot;

/// The invalidations that wait for the one that is under way. Every order invalidates its products, so under load there
/// are many, and the cost of one hardly depends on its number of keys.
#[derive(Default)]
pub(super) struct InvalidationQueue(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether a [`Batches`] exists, or is about to.
    in_progress: bool,
    waiting: Vec<QueuedInvalidation>,
}

/// The keys of one caller.
pub(super) struct QueuedInvalidation {
    pub(super) keys: Vec<CacheKey>,
    /// Receives until when another instance may serve any of them, if one may.
    pub(super) done: oneshot::Sender<Option<Instant>>,
}

/// Takes everything from the queue, batch by batch, until it is empty. There is one at a time.
pub(super) struct Batches<'a> {
    queue: &'a InvalidationQueue,
    finished: bool,
}

impl InvalidationQueue {
    /// Adds an invalidation to the next batch. If this returns true, the caller must have the
    /// [`batches`](Self::batches) sent.
    pub(super) fn add(&self, invalidation: QueuedInvalidation) -> bool {
        let mut state = self.state();
        state.waiting.push(invalidation);
        !mem::replace(&mut state.in_progress, true)
    }

    pub(super) fn batches(&self) -> Batches<'_> {
        Batches { queue: self, finished: false }
    }

    /// The state is consistent even if a thread panicked while it held the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batches<'_> {
    /// Everything that has been added since the last call; `None` if there is nothing, which ends the batches.
    pub(super) fn next(&mut self) -> Option<Vec<QueuedInvalidation>> {
        let mut state = self.queue.state();
        state.in_progress = !state.waiting.is_empty();
        self.finished = !state.in_progress;
        state.in_progress.then(|| mem::take(&mut state.waiting))
    }
}

impl Drop for Batches<'_> {
    /// Wakes all waiters if the batches were not finished because the runtime ends.
    fn drop(&mut self) {
        if !self.finished {
            *self.queue.state() = State::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::ProductId;
    use uuid::Uuid;

    use super::*;

    fn add(queue: &InvalidationQueue, n: u128) -> (bool, oneshot::Receiver<Option<Instant>>) {
        let (done, receiver) = oneshot::channel();
        let keys = vec![CacheKey::Product(ProductId(Uuid::from_u128(n)))];
        (queue.add(QueuedInvalidation { keys, done }), receiver)
    }

    #[test]
    fn invalidations_that_arrive_meanwhile_are_one_batch() {
        let queue = InvalidationQueue::default();
        let (must_send, _first) = add(&queue, 1);
        assert!(must_send);
        let mut batches = queue.batches();
        assert_eq!(batches.next().unwrap().len(), 1);
        let (second, third) = (add(&queue, 2), add(&queue, 3));
        assert!(!second.0 && !third.0);
        assert_eq!(batches.next().unwrap().len(), 2);
        assert!(batches.next().is_none());
        let (must_send, mut fourth) = add(&queue, 4);
        drop(batches);
        assert!(must_send, "the batches were finished");
        assert_eq!(fourth.try_recv(), Err(oneshot::error::TryRecvError::Empty), "it belongs to the next batches");
    }

    #[test]
    fn nobody_waits_for_batches_that_were_dropped() {
        let queue = InvalidationQueue::default();
        let (_, mut first) = add(&queue, 1);
        drop(queue.batches());
        assert!(first.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
        assert!(add(&queue, 2).0);
    }
}
