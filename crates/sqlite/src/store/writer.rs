//! The writer thread.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Result;
use diesel::{
    QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, result::Error, sql_query,
    sql_types::BigInt,
};
use entrepot_domain::Fault;
use tokio::sync::oneshot;

use super::{panicked, spawn};
use crate::error::{SQLITE, fault};

/// The maximum number of queued writes.
pub(super) const MAX_QUEUED: usize = 4_096;

/// The maximum number of writes per commit: enough to share the flush, few enough that none waits long for the others.
const MAX_BATCH: usize = 64;

/// How long a write may wait in the queue before it is refused: its caller has given up by then.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often an idle writer checks for writes of other processes.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The metrics of the writer.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) transactions: AtomicU64,
    pub(super) writes: AtomicU64,
    /// The total time in the queue, in microseconds.
    pub(super) waited: AtomicU64,
}

/// The callback for writes of other processes.
#[derive(Clone, Default)]
pub(super) struct ForeignWrite(Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>);

impl ForeignWrite {
    /// Sets the callback; only the first call has an effect.
    pub(super) fn set(&self, notice: Box<dyn Fn() + Send + Sync>) {
        self.0.set(notice).ok();
    }
}

pub(super) enum Message {
    Job(Box<dyn Job>),
    Stop,
}

/// A queued write.
pub(super) trait Job: Send {
    /// Runs it; the returned value holds the result until the commit.
    fn run(self: Box<Self>, connection: &mut SqliteConnection) -> Box<dyn Completed>;

    /// How long it has waited in the queue.
    fn waited(&self) -> Duration;

    /// Sends the caller an error without running it.
    fn refuse(self: Box<Self>, why: Fault);
}

/// A write that was run, and is committed if the commit succeeds.
pub(super) trait Completed: Send {
    /// Whether it has to be committed; otherwise it is rolled back.
    fn is_kept(&self) -> bool;

    /// Sends the result, or the error that lost the transaction. Then a refusal is replaced too, because it may depend
    /// on a lost write.
    fn respond(self: Box<Self>, lost: Option<Fault>);
}

struct Pending<W, T, E> {
    work: W,
    since: Instant,
    answer: oneshot::Sender<Result<T, E>>,
}

struct Finished<T, E> {
    result: Result<T, E>,
    answer: oneshot::Sender<Result<T, E>>,
}

/// Creates a job that sends its result on the returned channel.
pub(super) fn job<T, E>(
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, E> + Send + 'static,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
{
    job_since(Instant::now(), work)
}

/// Creates a job whose caller has waited since `since`.
pub(super) fn job_since<T, E>(
    since: Instant,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, E> + Send + 'static,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    (Box::new(Pending { work, since, answer }), answered)
}

impl<W, T, E> Job for Pending<W, T, E>
where
    W: FnOnce(&mut SqliteConnection) -> Result<T, E> + Send,
    T: Send + 'static,
    E: From<Fault> + Send + 'static,
{
    fn run(self: Box<Self>, connection: &mut SqliteConnection) -> Box<dyn Completed> {
        let Self { work, answer, .. } = *self;
        let result =
            catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|panic| Err(E::from(panicked(&*panic))));
        Box::new(Finished { result, answer })
    }

    fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    fn refuse(self: Box<Self>, why: Fault) {
        self.answer.send(Err(E::from(why))).ok();
    }
}

impl<T: Send, E: From<Fault> + Send> Completed for Finished<T, E> {
    fn is_kept(&self) -> bool {
        self.result.is_ok()
    }

    fn respond(self: Box<Self>, lost: Option<Fault>) {
        let result = lost.map_or(self.result, |why| Err(E::from(why)));
        self.answer.send(result).ok();
    }
}

pub(super) fn start(
    connection: SqliteConnection,
    jobs: flume::Receiver<Message>,
    foreign_write: ForeignWrite,
    counts: Arc<Counts>,
) -> Result<JoinHandle<()>> {
    let mut writer = Writer { connection, foreign_write, counts, seen: None };
    writer.check_foreign_writes();
    spawn("sqlite-writer", move || writer.serve(&jobs))
}

struct Writer {
    connection: SqliteConnection,
    foreign_write: ForeignWrite,
    counts: Arc<Counts>,
    /// The last known `data_version`.
    seen: Option<i64>,
}

impl Writer {
    fn serve(&mut self, jobs: &flume::Receiver<Message>) {
        let mut stopped = false;
        while !stopped {
            let first = match jobs.recv_timeout(CHECK_INTERVAL) {
                Ok(Message::Job(job)) => job,
                Ok(Message::Stop) | Err(flume::RecvTimeoutError::Disconnected) => break,
                Err(flume::RecvTimeoutError::Timeout) => {
                    self.check_foreign_writes();
                    continue;
                }
            };
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH && !stopped {
                match jobs.try_recv() {
                    Ok(Message::Job(job)) => batch.push(job),
                    Ok(Message::Stop) => stopped = true,
                    Err(_) => break,
                }
            }
            self.check_foreign_writes();
            self.commit(batch);
        }
        self.connection.batch_execute("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);").ok();
    }

    /// Runs the batch in one transaction, then sends all results.
    fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        for late in batch.extract_if(.., |job| job.waited() > QUEUE_TIMEOUT) {
            late.refuse(Fault::unavailable(SQLITE, anyhow::anyhow!("waited too long for the writer")));
        }
        if batch.is_empty() {
            return;
        }
        self.count(&batch);
        if let Err(error) = self.connection.batch_execute("BEGIN IMMEDIATE") {
            let why = fault(error);
            for job in batch {
                job.refuse(clone_fault(&why));
            }
            return;
        }
        let mut done = Vec::with_capacity(batch.len());
        let mut lost = None;
        for job in batch {
            match &lost {
                None => lost = self.run(job, &mut done).err(),
                Some(why) => job.refuse(clone_fault(why)),
            }
        }
        let lost = lost.or_else(|| self.connection.batch_execute("COMMIT").err().map(fault));
        if lost.is_some() {
            // A failed commit may leave the transaction open (SQLite's "COMMIT" page); an error here means that it did
            // not.
            self.connection.batch_execute("ROLLBACK").ok();
        }
        for done in done {
            done.respond(lost.as_ref().map(clone_fault));
        }
    }

    fn count(&self, batch: &[Box<dyn Job>]) {
        let waited: Duration = batch.iter().map(|job| job.waited()).sum();
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.counts.waited.fetch_add(waited, Ordering::Relaxed);
        self.counts.writes.fetch_add(batch.len().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        self.counts.transactions.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs a job, and rolls back only this job if necessary. An error means that the whole transaction is lost.
    fn run(&mut self, job: Box<dyn Job>, done: &mut Vec<Box<dyn Completed>>) -> Result<(), Fault> {
        if let Err(error) = self.connection.batch_execute("SAVEPOINT job") {
            let why = fault(error);
            job.refuse(clone_fault(&why));
            return Err(why);
        }
        let finished = job.run(&mut self.connection);
        let keep = finished.is_kept();
        let end = if keep { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        let ended = self.connection.batch_execute(end);
        if ended.is_err() && !keep {
            // This job got the error that ended the transaction, and its own error is more specific.
            finished.respond(None);
        } else {
            done.push(finished);
        }
        // SQLite rolls back the whole transaction by itself in some failures, such as a full disk. Later statements
        // would be committed one by one.
        ended.map_err(|error| Fault::unavailable(SQLITE, anyhow::Error::from(error).context("a transaction was lost")))
    }

    /// Checks whether another process has written. On this connection `data_version` changes only with the writes of
    /// others.
    fn check_foreign_writes(&mut self) {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            data_version: i64,
        }
        let row: Result<Row, Error> = sql_query("PRAGMA data_version").get_result(&mut self.connection);
        let Ok(Row { data_version }) = row else { return };
        let changed = self.seen.replace(data_version).is_some_and(|seen| seen != data_version);
        if changed
            && let Some(notice) = self.foreign_write.0.get()
            && let Err(panic) = catch_unwind(AssertUnwindSafe(notice))
        {
            tracing::error!(error = %panicked(&*panic), "nobody could be told that another process wrote");
        }
    }
}

/// Copies a fault for another caller; an `anyhow::Error` cannot be cloned.
fn clone_fault(fault: &Fault) -> Fault {
    match fault {
        Fault::Unavailable { dependency, source } => Fault::unavailable(dependency, anyhow::anyhow!("{source:#}")),
        Fault::Unknown(source) => Fault::unknown(anyhow::anyhow!("{source:#}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use diesel::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteOptions, SqliteStore};

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }

    fn numbers(connection: &mut SqliteConnection) -> Vec<i64> {
        let rows: Vec<Row> = sql_query("SELECT n FROM numbers ORDER BY n").load(connection).unwrap();
        rows.into_iter().map(|row| row.n).collect()
    }

    fn add(connection: &mut SqliteConnection, n: i64) -> Result<(), Fault> {
        connection.batch_execute(&format!("INSERT INTO numbers VALUES ({n})")).map_err(fault)
    }

    /// The writer is blocked until all jobs are queued, so it runs them together.
    #[tokio::test]
    async fn waiting_jobs_share_one_commit_without_the_failed_ones() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("entrepot.db");
        let store = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
        store.write(|c| c.batch_execute("CREATE TABLE numbers (n INTEGER)").map_err(fault)).await.unwrap();

        let (go, wait) = mpsc::channel::<()>();
        let held = store.write(move |_| wait.recv().map_err(Fault::unknown));
        let kept = store.write(|connection| add(connection, 1));
        let refused = store.write(|connection| {
            add(connection, 2)?;
            Err::<(), _>(Fault::unknown(anyhow::anyhow!("refused")))
        });
        let panicked = store.write(|connection| -> Result<(), Fault> {
            add(connection, 3)?;
            assert_eq!(numbers(connection), [1, 3], "it sees what came before it, without what was refused");
            std::panic::panic_any("dropped a plate")
        });
        let last = store.write(move |connection| {
            add(connection, 4)?;
            let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            Ok::<_, Fault>(numbers(&mut other))
        });
        let release = async { go.send(()).unwrap() };
        // Each job is queued at its first poll, in this order.
        let (held, kept, refused, panicked, last, ()) =
            tokio::join!(biased; held, kept, refused, panicked, last, release);

        held.unwrap();
        kept.unwrap();
        assert!(matches!(refused, Err(Fault::Unknown(why)) if why.to_string() == "refused"));
        assert!(matches!(panicked, Err(Fault::Unknown(why)) if why.to_string().contains("dropped a plate")));
        assert_eq!(last.unwrap(), Vec::<i64>::new(), "others see none of them before the commit of all");
        let found = store.read(|connection| Ok(numbers(connection))).await.unwrap();
        assert_eq!(found, [1, 4]);
    }
}
