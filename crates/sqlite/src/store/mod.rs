//! The file, the thread that writes to it, and those that read from it.

mod connection;
mod reader;
mod refold;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use diesel::{OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, connection::SimpleConnection};
use entrepot_domain::{Fault, HealthCheck, MetricSource, Sample};
use tokio::sync::Notify;
use tracing::Span;

pub use connection::pending_migrations;

use crate::{
    error::{SQLITE, fault},
    schema::users,
    value::Id,
};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The file; it is made if it is not there, its folder is not.
    pub path: PathBuf,
    /// How many threads read; at least one.
    pub readers: usize,
    /// How long to wait for a lock of another process.
    pub busy_timeout: Duration,
}

impl SqliteOptions {
    /// The usual ones for a file.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), readers: 2, busy_timeout: Duration::from_secs(5) }
    }
}

/// The SQLite store, in one file. Implements every store port; cheap to clone.
///
/// Writes go through one queue to one thread, which runs all queued jobs in one immediate transaction, each in its own
/// savepoint, and commits them with a single flush. A refused job is rolled back alone. Results are sent after the
/// commit, and the job of a dropped caller is completed as well. Reads go through a second queue to a few threads with
/// a connection each.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    writer: flume::Sender<writer::Message>,
    readers: flume::Sender<reader::Message>,
    reader_count: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
    foreign_write: writer::ForeignWrite,
    counts: Arc<writer::Counts>,
    /// Notified when jobs were queued.
    queued: Notify,
    /// Notified when events were written.
    written: Notify,
    /// Notified when deliveries were made due.
    deliveries: Notify,
    /// The time of the last successful [`check_writes`](HealthCheck::check_writes).
    write_checked: Mutex<Option<Instant>>,
}

/// How long a successful check of writes is valid: each causes a flush, and anybody may request one.
const WRITE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl SqliteStore {
    /// Opens the file, migrates its schema and starts the threads. Safe from several processes at once.
    pub fn open(options: &SqliteOptions) -> Result<Self> {
        let mut connection = connection::writer(options)?;
        connection::migrate(&mut connection)?;
        let foreign_write = writer::ForeignWrite::default();
        let (writer, jobs) = flume::bounded(writer::MAX_QUEUED);
        let counts = Arc::<writer::Counts>::default();
        let mut threads = vec![writer::start(connection, jobs, foreign_write.clone(), counts.clone())?];
        let reader_count = options.readers.max(1);
        let (readers, jobs) = flume::bounded(reader::MAX_QUEUED);
        for _ in 0..reader_count {
            threads.push(reader::start(connection::reader(options)?, jobs.clone())?);
        }
        let (threads, write_checked) = (Mutex::new(threads), Mutex::default());
        let (queued, written, deliveries) = (Notify::new(), Notify::new(), Notify::new());
        let inner = Inner {
            writer,
            readers,
            reader_count,
            threads,
            foreign_write,
            counts,
            queued,
            written,
            deliveries,
            write_checked,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Calls `notice` within about a second after another process has written to the file. Caches have to be cleared
    /// then.
    pub fn on_foreign_write(&self, notice: impl Fn() + Send + Sync + 'static) {
        self.0.foreign_write.set(Box::new(notice));
    }

    /// Completes queued jobs, then ends the threads and closes the file. Later calls return `Unavailable`. Blocks until
    /// it is done.
    pub fn close(&self) {
        let inner = &self.0;
        inner.writer.send(writer::Message::Stop).ok();
        for _ in 0..inner.reader_count {
            inner.readers.send(reader::Message::Stop).ok();
        }
        let threads = std::mem::take(&mut *inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!(dependency = SQLITE, "a thread of the store had panicked");
            }
        }
    }

    /// Is told when jobs were queued.
    pub(crate) fn queued_jobs(&self) -> &Notify {
        &self.0.queued
    }

    /// Notified when events were written.
    pub(crate) fn written_events(&self) -> &Notify {
        &self.0.written
    }

    /// Runs `work` that writes events, as [`write`](Self::write) does, and notifies those who wait for them.
    pub(crate) async fn write_events<T, E>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        let done = self.write(work).await?;
        self.written_events().notify_one();
        Ok(done)
    }

    /// Is told when deliveries were made due.
    pub(crate) fn queued_deliveries(&self) -> &Notify {
        &self.0.deliveries
    }

    /// Runs `work` in a transaction of the writer; an `Err` undoes what it did.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
    {
        // Spans of the work belong to the caller's trace.
        let asking = Span::current();
        let (job, answer) = writer::job(move |connection| asking.in_scope(|| work(connection)));
        self.0.writer.try_send(writer::Message::Job(job)).map_err(|error| refused(&error))?;
        answer.await.map_err(|_| Fault::unavailable(SQLITE, anyhow::anyhow!("the store is closed")))?
    }

    /// Runs `work` on a read-only connection.
    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault>
    where
        T: Send + 'static,
    {
        let asking = Span::current();
        let (job, answer) = reader::job(move |connection| asking.in_scope(|| work(connection)));
        self.0.readers.try_send(reader::Message::Job(job)).map_err(|error| refused(&error))?;
        answer.await.map_err(|_| Fault::unavailable(SQLITE, anyhow::anyhow!("the store is closed")))?
    }
}

fn refused<T>(error: &flume::TrySendError<T>) -> Fault {
    let why = match error {
        flume::TrySendError::Full(_) => "too many wait already",
        flume::TrySendError::Disconnected(_) => "the store is closed",
    };
    Fault::unavailable(SQLITE, anyhow::anyhow!(why))
}

/// Converts a panic in a job.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Fault {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Fault::unknown(anyhow::anyhow!("a job of the store panicked: {}", words.unwrap_or("without a word")))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).context("cannot start a thread")
}

#[async_trait]
impl HealthCheck for SqliteStore {
    fn name(&self) -> &'static str {
        "database"
    }

    fn required(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), Fault> {
        if self.0.writer.is_disconnected() {
            return Err(Fault::unavailable(SQLITE, anyhow::anyhow!("nobody writes any more")));
        }
        // Reads a table, because a constant would not access the file.
        self.read(|connection| {
            users::table.select(users::id).get_result::<Id>(connection).optional().map(drop).map_err(fault)
        })
        .await
    }

    async fn check_writes(&self) -> Result<(), Fault> {
        let checked = || self.0.write_checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked().is_some_and(|at| at.elapsed() < WRITE_CHECK_INTERVAL) {
            return Ok(());
        }
        // Writes a page and flushes it, although the number stays the same: nothing else uses it.
        self.write(|connection| connection.batch_execute("PRAGMA user_version = 0").map_err(fault)).await?;
        *checked() = Some(Instant::now());
        Ok(())
    }
}

impl MetricSource for SqliteStore {
    fn samples(&self) -> Vec<Sample> {
        let Inner { writer, readers, counts, .. } = &*self.0;
        let waited = Duration::from_micros(counts.waited.load(Ordering::Relaxed));
        let (transactions, writes) = (&counts.transactions, &counts.writes);
        vec![
            Sample::gauge("sqlite_writes_waiting", "Writes that wait for the writer.", writer.len()),
            Sample::gauge("sqlite_reads_waiting", "Reads that wait for a reader.", readers.len()),
            Sample::counter("sqlite_writes_total", "Writes that were begun.", writes.load(Ordering::Relaxed)),
            Sample::counter(
                "sqlite_transactions_total",
                "Transactions that they shared.",
                transactions.load(Ordering::Relaxed),
            ),
            Sample::seconds("sqlite_write_wait_seconds_total", "Time that writes waited for their turn.", waited),
        ]
    }
}
