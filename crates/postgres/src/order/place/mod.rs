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
    store::{OrderQueue, Pool, QueueParts, closed, transaction::Desk},
};

/// How many orders may wait; at a thousand a second that is some four seconds.
const QUEUE: usize = 4_096;

/// How many orders, and how many lines, go into one statement.
const MOST_ORDERS: usize = 32;
const MOST_LINES: usize = 1_000;

/// An order that waits, and where its answer goes.
struct Ticket {
    placement: Placement,
    asking: Span,
    unseen: Arc<Notify>,
    answer: oneshot::Sender<Result<Placed, PlaceError>>,
}

/// The queue, and those who serve it.
pub(crate) struct Placer {
    /// None once the store is closed: then those who serve end with the last ticket.
    tickets: Mutex<Option<flume::Sender<Ticket>>>,
    waiting: flume::Receiver<Ticket>,
    desks: Arc<Desks>,
    unseen: Arc<Notify>,
}

/// Where orders are placed, and where what is rare is looked up.
struct Desks {
    placing: Desk,
    other: Arc<Desk>,
    /// How many keys were written since the expired ones were swept away.
    keys: AtomicUsize,
}

impl Placer {
    /// Starts the tasks that serve the queue. They end when it was stopped and is empty.
    pub(crate) fn start(parts: QueueParts<'_>) -> Result<Box<dyn OrderQueue>> {
        let QueueParts { options, desk, unseen, tasks, handle } = parts;
        let (writers, _) = options.shares();
        let placing = Desk::new(options, writers, &statement::PLANNING)?;
        let desks = Arc::new(Desks { placing, other: desk, keys: AtomicUsize::new(0) });
        let (tickets, waiting) = flume::bounded(QUEUE);
        for _ in 0..writers {
            tasks.spawn_on(serve(waiting.clone(), desks.clone(), tasks.clone()), handle);
        }
        Ok(Box::new(Self { tickets: Mutex::new(Some(tickets)), waiting, desks, unseen }))
    }

    fn entrance(&self) -> MutexGuard<'_, Option<flume::Sender<Ticket>>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl OrderQueue for Placer {
    /// An order whose buyer has gone is placed all the same.
    async fn place(&self, placement: Placement) -> Result<Placed, PlaceError> {
        let (answer, answered) = oneshot::channel();
        let entrance = self.entrance().clone().ok_or_else(closed)?;
        entrance
            .try_send(Ticket { placement, asking: Span::current(), unseen: self.unseen.clone(), answer })
            .map_err(|_| Fault::unavailable(POSTGRES, anyhow::anyhow!("{QUEUE} orders wait already")))?;
        drop(entrance);
        answered.await.unwrap_or_else(|_| Err(unanswered().into()))
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn pool(&self) -> &Pool {
        self.desks.placing.pool()
    }

    fn stop(&self) {
        self.entrance().take();
    }
}

fn unanswered() -> Fault {
    Fault::unknown(anyhow::anyhow!("whoever placed the order panicked"))
}

/// Takes the turn, and whoever waits then. The statement gives the turn back when the connection is free.
async fn serve(waiting: flume::Receiver<Ticket>, desks: Arc<Desks>, tasks: TaskTracker) {
    let turns = Arc::new(Semaphore::new(1));
    // It is never closed.
    while let Ok(turn) = turns.clone().acquire_owned().await
        && let Ok(first) = waiting.recv_async().await
    {
        let mut lines = first.lines();
        let mut tickets = vec![first];
        while tickets.len() < MOST_ORDERS
            && lines < MOST_LINES
            && let Ok(next) = waiting.try_recv()
        {
            lines += next.lines();
            tickets.push(next);
        }
        // What it does is told where the first of them is told of, and the others point there.
        let asking = tickets.first().map_or_else(Span::none, |first| first.asking.clone());
        for other in tickets.iter().filter(|other| other.asking.id() != asking.id()) {
            other.asking.follows_from(&asking);
        }
        // In a task of its own: a panic must not leave the queue without anybody. It gives the turn back too.
        let served = batch::serve(desks.clone(), tickets, turn).instrument(asking);
        // The store is not closed before the last answer is told.
        tasks.spawn(async move {
            if let Err(panic) = tokio::spawn(served).await {
                tracing::error!(%panic, "placing orders panicked");
            }
        });
    }
}

impl Ticket {
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
