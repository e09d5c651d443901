//! Places orders: one statement after another, each with all waiting orders.
//!
//! More concurrent writers on the same rows are slower, not faster: they wait for each other's locks, read again each
//! row that another writer has changed, and each of them commits. In a shop, two statements with a few baskets each
//! usually have a product in common. So the orders of an instance go through one queue to one connection, and orders
//! that arrive while it is busy go into the next statement. Results are sent while the server executes the next
//! statement.

mod batch;
mod statement;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize};

use anyhow::Result;
use async_trait::async_trait;
use entrepot_domain::{
    Fault,
    order::{PlaceError, Placed, Placement},
};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::{
    error::POSTGRES,
    store::{OrderQueue, Pool, QueueParts, closed, transaction::Executor},
};

/// The maximum number of queued orders; at a thousand per second, they take some four seconds.
const MAX_QUEUED: usize = 4_096;

/// The maximum number of orders, and of lines, in one statement.
const MAX_BATCH_ORDERS: usize = 32;
const MAX_BATCH_LINES: usize = 1_000;

/// A queued order, and the channel for its result.
struct QueuedOrder {
    placement: Placement,
    asking: Span,
    unseen: Arc<Notify>,
    answer: oneshot::Sender<Result<Placed, PlaceError>>,
}

/// The queue of orders.
pub(crate) struct PlacementQueue {
    /// `None` after the store is closed: the workers end after the last order.
    sender: Mutex<Option<flume::Sender<QueuedOrder>>>,
    waiting: flume::Receiver<QueuedOrder>,
    executors: Arc<Executors>,
    unseen: Arc<Notify>,
}

/// The executors of the statements.
struct Executors {
    placing: Executor,
    other: Arc<Executor>,
    /// The number of keys inserted since the last deletion of expired ones.
    keys: AtomicUsize,
}

impl PlacementQueue {
    /// Starts the workers of the queue. They end when it is stopped and empty.
    pub(crate) fn start(parts: QueueParts<'_>) -> Result<Box<dyn OrderQueue>> {
        let QueueParts { options, executor, unseen, tasks, handle } = parts;
        let writers = options.shares().orders;
        let placing = Executor::new(options, writers, &statement::PLANNING)?;
        let executors = Arc::new(Executors { placing, other: executor, keys: AtomicUsize::new(0) });
        let (sender, waiting) = flume::bounded(MAX_QUEUED);
        for _ in 0..writers {
            tasks.spawn_on(serve(waiting.clone(), executors.clone(), tasks.clone()), handle);
        }
        Ok(Box::new(Self { sender: Mutex::new(Some(sender)), waiting, executors, unseen }))
    }

    fn sender(&self) -> MutexGuard<'_, Option<flume::Sender<QueuedOrder>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl OrderQueue for PlacementQueue {
    /// The order of a dropped caller is placed as well.
    async fn place(&self, placement: Placement) -> Result<Placed, PlaceError> {
        let (answer, answered) = oneshot::channel();
        let sender = self.sender().clone().ok_or_else(closed)?;
        sender
            .try_send(QueuedOrder { placement, asking: Span::current(), unseen: self.unseen.clone(), answer })
            .map_err(|_| Fault::unavailable(POSTGRES, anyhow::anyhow!("{MAX_QUEUED} orders wait already")))?;
        drop(sender);
        answered.await.unwrap_or_else(|_| Err(unanswered().into()))
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn pool(&self) -> &Pool {
        self.executors.placing.pool()
    }

    fn stop(&self) {
        self.sender().take();
    }
}

fn unanswered() -> Fault {
    Fault::unknown(anyhow::anyhow!("whoever placed the order panicked"))
}

/// Places the queued orders in batches. Each batch holds the permit until the connection is free.
async fn serve(waiting: flume::Receiver<QueuedOrder>, executors: Arc<Executors>, tasks: TaskTracker) {
    let permits = Arc::new(Semaphore::new(1));
    // The semaphore is never closed.
    while let Ok(permit) = permits.clone().acquire_owned().await
        && let Ok(first) = waiting.recv_async().await
    {
        let mut lines = first.lines();
        let mut queued = vec![first];
        while queued.len() < MAX_BATCH_ORDERS
            && lines < MAX_BATCH_LINES
            && let Ok(next) = waiting.try_recv()
        {
            lines += next.lines();
            queued.push(next);
        }
        // The spans of the statement are in the trace of the first order; the others link to it.
        let asking = queued.first().map_or_else(Span::none, |first| first.asking.clone());
        for other in queued.iter().filter(|other| other.asking.id() != asking.id()) {
            other.asking.follows_from(&asking);
        }
        // A separate task: a panic must not end the worker. It releases the permit as well.
        let served = batch::serve(executors.clone(), queued, permit).instrument(asking);
        // The store is not closed before the last result is sent.
        tasks.spawn(async move {
            if let Err(panic) = tokio::spawn(served).await {
                tracing::error!(%panic, "placing orders panicked");
            }
        });
    }
}

impl QueuedOrder {
    /// Sends the result. If the caller was dropped, or if it is unknown whether the order was placed, the write counts
    /// as unseen.
    fn answer(self, done: Result<Placed, PlaceError>) {
        let unsure = matches!(done, Err(PlaceError::Fault(Fault::Unavailable { .. })));
        let unheard = matches!(self.answer.send(done), Err(Ok(_)));
        if unsure || unheard {
            self.unseen.notify_one();
        }
    }

    fn lines(&self) -> usize {
        self.placement.draft.basket.lines().len()
    }
}
