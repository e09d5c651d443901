//! Placing orders: one statement after the other, each with as many orders as wait.
//!
//! More writers than the hot rows can bear make it slower, not faster: they wait for each other's locks, look at each
//! row again that the other has changed meanwhile, and every one of them pays for a commit. In a shop two statements
//! with a few baskets each nearly always have a product in common. So the orders of an instance go through one queue to
//! one connection, and whoever comes while it is busy goes with the next statement. Answers are told beside that: the
//! server works on the next statement meanwhile.

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

/// How many orders may wait; at a thousand a second that is some four seconds.
const MAX_QUEUED: usize = 4_096;

/// How many orders, and how many lines, go into one statement.
const MAX_BATCH_ORDERS: usize = 32;
const MAX_BATCH_LINES: usize = 1_000;

/// An order that waits, and where its answer goes.
struct QueuedOrder {
    placement: Placement,
    asking: Span,
    unseen: Arc<Notify>,
    answer: oneshot::Sender<Result<Placed, PlaceError>>,
}

/// The queue, and those who serve it.
pub(crate) struct PlacementQueue {
    /// None once the store is closed: then those who serve end with the last ticket.
    sender: Mutex<Option<flume::Sender<QueuedOrder>>>,
    waiting: flume::Receiver<QueuedOrder>,
    executors: Arc<Executors>,
    unseen: Arc<Notify>,
}

/// Where orders are placed, and where what is rare is looked up.
struct Executors {
    placing: Executor,
    other: Arc<Executor>,
    /// How many keys were written since the expired ones were swept away.
    keys: AtomicUsize,
}

impl PlacementQueue {
    /// Starts the tasks that serve the queue. They end when it was stopped and is empty.
    pub(crate) fn start(parts: QueueParts<'_>) -> Result<Box<dyn OrderQueue>> {
        let QueueParts { options, executor, unseen, tasks, handle } = parts;
        let (writers, _) = options.shares();
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
    /// An order whose buyer has gone is placed all the same.
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

/// Takes the turn, and whoever waits then. The statement gives the turn back when the connection is free.
async fn serve(waiting: flume::Receiver<QueuedOrder>, executors: Arc<Executors>, tasks: TaskTracker) {
    let permits = Arc::new(Semaphore::new(1));
    // It is never closed.
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
        // What it does is told where the first of them is told of, and the others point there.
        let asking = queued.first().map_or_else(Span::none, |first| first.asking.clone());
        for other in queued.iter().filter(|other| other.asking.id() != asking.id()) {
            other.asking.follows_from(&asking);
        }
        // In a task of its own: a panic must not leave the queue without anybody. It gives the turn back too.
        let served = batch::serve(executors.clone(), queued, permit).instrument(asking);
        // The store is not closed before the last answer is told.
        tasks.spawn(async move {
            if let Err(panic) = tokio::spawn(served).await {
                tracing::error!(%panic, "placing orders panicked");
            }
        });
    }
}

impl QueuedOrder {
    /// Tells whoever asked. They may have gone, and the order is placed all the same; or nobody can tell whether it is.
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
