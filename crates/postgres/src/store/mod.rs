//! The store: connections, transactions, and failures of the server.

mod migrate;
mod pool;
mod refold;
mod replica;
mod server_status;
pub(crate) mod transaction;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use async_trait::async_trait;
use entrepot_domain::{
    Fault, HealthCheck, MetricSource, Sample,
    order::{PlaceError, Placed, Placement},
};
use futures_util::future::BoxFuture;
use tokio::{
    runtime::{Handle, Runtime},
    sync::{Notify, oneshot, watch},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

pub use migrate::{has_search_index, migrate, pending_migrations};
pub(crate) use pool::Pool;
use replica::Replica;
use server_status::{HealthMonitor, ServerStatus};
use transaction::{Begin, Executor, Work, check_writes, notify_servers, ping};

use crate::{
    PostgresOptions,
    error::{Failure, POSTGRES},
};

/// The queue of orders, as the store uses it.
#[async_trait]
pub(crate) trait OrderQueue: Send + Sync {
    /// Places an order, and waits for the result.
    async fn place(&self, placement: Placement) -> Result<Placed, PlaceError>;

    /// The number of queued orders.
    fn waiting(&self) -> usize;

    /// The connections that place orders.
    fn pool(&self) -> &Pool;

    /// Refuses further orders. Queued ones are placed.
    fn stop(&self);
}

/// The dependencies of a queue of orders.
pub(crate) struct QueueParts<'a> {
    pub(crate) options: &'a PostgresOptions,
    /// For rare look-ups.
    pub(crate) executor: Arc<Executor>,
    /// Notified of an order that was placed although its caller got no result.
    pub(crate) unseen: Arc<Notify>,
    /// The tasks that the store waits for when it is closed.
    pub(crate) tasks: &'a TaskTracker,
    pub(crate) handle: &'a Handle,
}

/// The settings of connections that work on jobs. The table of jobs is empty when its statements are planned, and may be
/// large a moment later: every row is found by an index.
const JOB_PLANNING: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// The number of threads that communicate with the server. They have little to do.
const WORKER_THREADS: usize = 2;

/// The PostgreSQL store. Implements every store port; cheap to clone.
///
/// All work runs in tasks of a runtime that belongs to the store, and the caller waits for the result. So a dropped
/// caller leaves no open transaction: its work is completed, and [`close`](Self::close) waits for it. Transactions are
/// retried a few times after a deadlock or a serialization failure. Temporary failures (no free connection, an
/// unavailable server, a time-out, a full disk) are [`Fault::Unavailable`]. Health checks detect a server that hangs,
/// so that no caller waits for it longer than the connect time-out and a second.
///
/// A replica may serve lists, but only once it has replayed everything that was committed before the request, so that
/// clients read their own writes on any instance.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    executor: Arc<Executor>,
    jobs: Arc<Executor>,
    /// Notified when jobs were queued.
    queued: Notify,
    /// Notified when events were written.
    written: Notify,
    /// Notified when deliveries were made due.
    deliveries: Notify,
    replica: Option<Arc<Replica>>,
    orders: Box<dyn OrderQueue>,
    server_status: ServerStatus,
    unseen: Arc<Notify>,
    tasks: TaskTracker,
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
}

impl PostgresStore {
    /// Connects, and starts the queue of orders with `queue`. Blocks.
    pub(crate) fn connect(
        options: &PostgresOptions,
        queue: impl FnOnce(QueueParts<'_>) -> Result<Box<dyn OrderQueue>>,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKER_THREADS)
            .thread_name("postgres")
            .enable_all()
            .build()
            .context("cannot start the threads that talk to the database")?;
        let handle = runtime.handle().clone();
        let shares = options.shares();
        let limit = options.connect_timeout;
        let unseen = Arc::new(Notify::new());
        let executor = Arc::new(Executor::new(options, shares.shared, &[])?.notifying(unseen.clone()));
        let jobs = Arc::new(Executor::new(options, shares.jobs, &JOB_PLANNING)?);
        let own = Executor::new(options, 1, &[])?;
        let replica = options.replica.as_deref().map(|replica| Replica::new(replica, executor.clone())).transpose()?;
        let first = handle.block_on(own.once(Begin::Plain, &(), ping));
        first.with_context(|| format!("cannot reach the database {}", options.place()))?;
        let (status, server_status) = watch::channel(None);
        let mut watched = vec![executor.pool().clone(), jobs.pool().clone()];
        watched.extend(replica.iter().map(Replica::pool));
        let idle = options.idle_timeout;
        handle.spawn(HealthMonitor { own, watched, limit, idle, status, unseen: unseen.clone() }.run());
        let tasks = TaskTracker::new();
        let parts =
            QueueParts { options, executor: executor.clone(), unseen: unseen.clone(), tasks: &tasks, handle: &handle };
        let orders = queue(parts)?;
        let replica = replica.map(Arc::new);
        let runtime = Mutex::new(Some(runtime));
        let (queued, written, deliveries) = (Notify::new(), Notify::new(), Notify::new());
        Ok(Self(Arc::new(Inner {
            executor,
            jobs,
            queued,
            written,
            deliveries,
            replica,
            orders,
            server_status,
            unseen,
            tasks,
            handle,
            runtime,
        })))
    }

    /// Calls `notice` after a write of whose result the writer was not informed: a write that succeeded after its
    /// caller was refused or dropped, a commit whose result was lost, or a write of a command that
    /// [reported](Self::notify_of_writes) it. Caches have to be cleared then. One call may stand for several writes.
    pub fn on_unseen_write(&self, notice: impl Fn() -> BoxFuture<'static, ()> + Send + 'static) {
        let unseen = self.0.unseen.clone();
        self.0.handle.spawn(async move {
            loop {
                unseen.notified().await;
                notice().await;
            }
        });
    }

    /// Informs the servers on this database of a write that they may not have seen.
    pub async fn notify_of_writes(&self) -> Result<(), Fault> {
        self.write((), notify_servers).await.map(drop)
    }

    /// Completes all work, then closes all connections. Later calls return `Unavailable`. Blocks until it is done; must
    /// not be called from a thread of an async runtime.
    pub fn close(&self) {
        let inner = &self.0;
        let Some(runtime) = inner.take_runtime() else { return };
        inner.orders.stop();
        inner.tasks.close();
        runtime.block_on(inner.tasks.wait());
        inner.executor.pool().close();
        inner.jobs.pool().close();
        runtime.shutdown_background();
    }

    /// Runs work in a transaction that writes.
    pub(crate) async fn write<D, T, E>(&self, data: D, work: Work<D, T, E>) -> Result<T, E>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let (executor, unseen) = (self.0.executor.clone(), self.0.unseen.clone());
        let (answer, answered) = oneshot::channel();
        let work = async move {
            let done: Result<T, E> = executor.run(Begin::Write, &data, work).await;
            // The caller got an error because the server was unavailable, or was dropped.
            if let Err(Ok(_)) = answer.send(done) {
                unseen.notify_one();
            }
            Ok::<(), E>(())
        };
        self.answer(work).await?;
        answered.await.map_err(|_| closed())?
    }

    /// Reads with statements that need no common snapshot.
    pub(crate) async fn read<D, T>(&self, data: D, work: Work<D, T, Fault>) -> Result<T, Fault>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
    {
        let executor = self.0.executor.clone();
        self.answer(async move { executor.run(Begin::Plain, &data, work).await }).await
    }

    /// Claims jobs or writes what became of them, with connections that plan for that.
    pub(crate) async fn work_on_jobs<D, T, E>(&self, begin: Begin, data: D, work: Work<D, T, E>) -> Result<T, E>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let executor = self.0.jobs.clone();
        self.answer(async move { executor.run(begin, &data, work).await }).await
    }

    /// Notified when events were written.
    pub(crate) fn written_events(&self) -> &Notify {
        &self.0.written
    }

    /// Runs work in a transaction that writes events, and notifies those who wait for them.
    pub(crate) async fn write_events<D, T, E>(&self, data: D, work: Work<D, T, E>) -> Result<T, E>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        E: Failure,
    {
        let done = self.write(data, work).await?;
        self.written_events().notify_one();
        Ok(done)
    }

    /// Notified when jobs were queued.
    pub(crate) fn queued_jobs(&self) -> &Notify {
        &self.0.queued
    }

    /// Notified when deliveries were made due.
    pub(crate) fn queued_deliveries(&self) -> &Notify {
        &self.0.deliveries
    }

    /// Reads a list, of the replica if it has caught up.
    pub(crate) async fn list_from<D, T>(&self, data: D, work: Work<D, T, Fault>) -> Result<T, Fault>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (executor, replica) = (self.0.executor.clone(), self.0.replica.clone());
        self.answer(async move {
            if let Some(replica) = replica
                && let Some(done) = replica.list(&data, work).await
            {
                return Ok(done);
            }
            executor.run(Begin::Plain, &data, work).await
        })
        .await
    }

    pub(crate) fn orders(&self) -> &dyn OrderQueue {
        &*self.0.orders
    }

    /// Starts the work, and waits for its result. The work continues if the caller is dropped.
    async fn answer<T, E>(&self, work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: Failure,
    {
        self.while_available(async {
            if self.0.tasks.is_closed() {
                return Err(closed().into());
            }
            // Spans of the work belong to the caller's trace.
            let task = self.0.tasks.spawn_on(work.instrument(Span::current()), &self.0.handle);
            task.await.unwrap_or_else(|panic| Err(Fault::unknown(panic).into()))
        })
        .await
    }

    /// Waits for a result as long as the server is available. Starts nothing while it is not.
    pub(crate) async fn while_available<T, E: Failure>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut server_status = self.0.server_status.clone();
        let why = server_status.borrow().clone();
        if let Some(why) = why {
            return Err(unavailable(&why).into());
        }
        tokio::select! {
            biased;
            done = answer => done,
            stopped = server_status.wait_for(Option::is_some) => match stopped.as_deref() {
                Ok(Some(why)) => Err(unavailable(why).into()),
                // The monitor has ended with the runtime.
                _ => Err(closed().into()),
            },
        }
    }
}

fn unavailable(why: &str) -> Fault {
    Fault::unavailable(POSTGRES, anyhow::anyhow!("{why}"))
}

pub(crate) fn closed() -> Fault {
    Fault::unavailable(POSTGRES, anyhow::anyhow!("the store is closed"))
}

impl Inner {
    fn take_runtime(&self) -> Option<Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Inner {
    /// Does not wait, because the last reference may be dropped by a thread of an async runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.take_runtime() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl HealthCheck for PostgresStore {
    fn name(&self) -> &'static str {
        "database"
    }

    fn required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), Fault> {
        self.read((), ping).await.map(drop)
    }

    async fn check_writes(&self) -> Result<(), Fault> {
        self.write((), check_writes).await
    }
}

impl MetricSource for PostgresStore {
    fn samples(&self) -> Vec<Sample> {
        let Inner { executor, jobs, replica, orders, .. } = &*self.0;
        let waiting = "Orders that wait for the statement that places them.";
        let mut samples = vec![Sample::gauge("postgres_orders_waiting", waiting, orders.waiting())];
        samples.extend(pool::samples(executor.pool(), "shared"));
        samples.extend(pool::samples(orders.pool(), "orders"));
        samples.extend(pool::samples(jobs.pool(), "jobs"));
        samples.extend(replica.iter().flat_map(|replica| pool::samples(&replica.pool(), "replica")));
        samples
    }
}
