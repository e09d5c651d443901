//! Where jobs wait for whoever does the work.

use std::time::Duration;

use async_trait::async_trait;

use super::{ErrorText, JobKind, NewJob, Payload, Schedules, Tick, TraceParent};
use crate::{Fault, JobId, event::Consumed};

/// What a worker wants to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Of each kind that it knows, at most so many.
    pub kinds: Vec<(JobKind, u32)>,
    /// How long the lease lasts, 60 seconds at most.
    pub lease: Duration,
}

/// The right to write what became of a job, until it is lost.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    pub job: JobId,
    /// The fencing number: each claim of a job has a greater one.
    pub fence: i64,
}

/// A job that a worker has.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub lease: Lease,
    pub kind: JobKind,
    pub payload: Payload,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    pub max_attempts: u32,
    pub trace: Option<TraceParent>,
    /// How long it waited since it was due.
    pub waited: Duration,
}

/// What became of an attempt.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Succeeded,
    /// There was nothing to do: no trace of the job is kept.
    Nothing,
    /// It failed, and is tried again.
    Retry { after: Duration, error: ErrorText },
    /// It failed for the last time.
    Dead { error: ErrorText },
    /// It was not finished, and is given back as if it had not been begun.
    Released,
}

/// What became of a job that a worker had.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub lease: Lease,
    pub outcome: Outcome,
}

/// How many jobs of a kind wait for a worker.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    pub kind: JobKind,
    /// How many are due.
    pub ready: u64,
    /// How many run, in all processes.
    pub running: u64,
    /// How long the oldest that is due has waited; zero if there is none.
    pub oldest: Duration,
}

/// Keeps jobs until they are done. Every method is atomic, and asks the store what time it is: clocks of processes
/// differ. All times in arguments are counted from then.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Queues jobs, and returns those that were. One whose unique key another of its kind has, that waits or runs, is
    /// left out.
    ///
    /// What a business operation queues is handed to the method of its own port, and queued in its transaction.
    async fn enqueue(&self, jobs: &[NewJob]) -> Result<Vec<JobId>, Fault>;

    /// Queues the jobs that follow from events, and moves the consumer's position behind them, in one transaction. If the
    /// consumer is not where `consumed` says any more, another process was faster: nothing happens, and false is returned.
    async fn enqueue_consumed(&self, consumed: &Consumed, jobs: &[NewJob]) -> Result<bool, Fault>;

    /// Returns when this process has queued something since the last call returned. Jobs of other processes are not
    /// told of.
    async fn queued(&self);

    /// Leases jobs that are due, those of greater priority first, then those that were due first. Each is given to one
    /// worker, however many ask at once, and counts as begun. Nobody waits for jobs that another one claims.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, Fault>;

    /// Lets leases last for this long from now on, and returns those that are still held. The others are lost.
    async fn renew(&self, leases: &[Lease], time: Duration) -> Result<Vec<Lease>, Fault>;

    /// Writes what became of jobs, and returns those of which it was written. A lease that is lost leaves its job as it
    /// is; one that ran out is not lost before somebody else noticed.
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault>;

    /// Takes the leases that ran out from whoever had them, some hundreds at a time, and does with those jobs what
    /// [`Failed::lost`](super::Failed::lost) says. Returns how many there were. Jobs of other kinds are left to workers
    /// who know them.
    async fn rescue(&self, kinds: &[JobKind]) -> Result<u32, Fault>;

    /// When these schedules fire next, and the store's time.
    async fn schedules(&self, names: &[JobKind]) -> Result<Schedules, Fault>;

    /// Queues the job of a schedule and sets when it fires next, if the store says that it fires then and that this
    /// moment has come: so it does once, whoever tries. A schedule that is new, or was changed, only gets its next time.
    /// Returns whether the tick was taken.
    async fn tick(&self, tick: &Tick) -> Result<bool, Fault>;

    /// What waits and runs, of each kind that does.
    async fn backlog(&self) -> Result<Vec<Backlog>, Fault>;

    /// Forgets ended jobs that are older than this, some at a time, and returns how many.
    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault>;
}
