//! The port of the job queue.

use std::time::Duration;

use async_trait::async_trait;

use super::{ErrorText, JobKind, NewJob, Payload, Schedules, Tick, TraceParent};
use crate::{Fault, JobId, event::Consumed};

/// A worker's request for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The kinds that the worker runs, each with the maximum number of jobs.
    pub kinds: Vec<(JobKind, u32)>,
    /// The duration of the lease, at most 60 seconds.
    pub lease: Duration,
}

/// The right to write the outcome of a job, until the lease is lost.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    pub job: JobId,
    /// The fencing number: each claim of a job has a greater one.
    pub fence: i64,
}

/// A job that a worker has claimed.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub lease: Lease,
    pub kind: JobKind,
    pub payload: Payload,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    pub max_attempts: u32,
    pub trace: Option<TraceParent>,
    /// The time for which it waited since it was due.
    pub waited: Duration,
}

/// The outcome of an attempt.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The job was done.
    Succeeded,
    /// There was nothing to do; the job is deleted.
    Nothing,
    /// The attempt failed; another follows.
    Retry { after: Duration, error: ErrorText },
    /// The last attempt failed.
    Dead { error: ErrorText },
    /// The attempt was not finished; the job is returned to the queue and the attempt is not counted.
    Released,
}

/// The outcome of a claimed job, to be written.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub lease: Lease,
    pub outcome: Outcome,
}

/// The number of jobs of a kind that wait or run.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    pub kind: JobKind,
    /// The number of due jobs.
    pub ready: u64,
    /// The number of running jobs, in all processes.
    pub running: u64,
    /// The time for which the oldest due job has waited; zero if there is none.
    pub oldest: Duration,
}

/// Stores jobs until they are done. Every method is atomic and uses the clock of the store, since the clocks of
/// processes differ. Durations in arguments count from the time of the call on that clock.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Queues jobs, and returns those that were queued. A job is left out if another of its kind with the same unique
    /// key waits or runs.
    ///
    /// The jobs of a business operation are passed to the method of its own port, and queued in its transaction.
    async fn enqueue(&self, jobs: &[NewJob]) -> Result<Vec<JobId>, Fault>;

    /// Queues the jobs that follow from events, and moves the consumer's position behind them, in one transaction. If
    /// the consumer is no longer at the position in `consumed`, another process was faster: nothing changes, and the
    /// method returns false.
    async fn enqueue_consumed(&self, consumed: &Consumed, jobs: &[NewJob]) -> Result<bool, Fault>;

    /// Waits until this process has queued jobs since the last call returned. Jobs queued by other processes do not
    /// wake the caller.
    async fn queued(&self);

    /// Claims due jobs, by priority and then by due time. Each job is claimed by one worker, however many call at once,
    /// and its attempt is counted. No call waits for jobs that another one is claiming.
    async fn claim(&self, claim: &Claim) -> Result<Vec<Claimed>, Fault>;

    /// Extends leases to this duration from now, and returns those that are still held. The others are lost.
    async fn renew(&self, leases: &[Lease], time: Duration) -> Result<Vec<Lease>, Fault>;

    /// Writes the outcomes of jobs, and returns the jobs for which it did. An outcome under a lost lease changes
    /// nothing. An expired lease is not lost until it is revoked.
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault>;

    /// Revokes expired leases, some hundreds at a time, and settles their jobs as
    /// [`Failed::lost`](super::Failed::lost) decides. Returns the number of jobs. Jobs of other kinds are left to the
    /// workers that run them.
    async fn rescue(&self, kinds: &[JobKind]) -> Result<u32, Fault>;

    /// Returns the next times of these schedules, and the time of the store.
    async fn schedules(&self, names: &[JobKind]) -> Result<Schedules, Fault>;

    /// Queues the job of a schedule and sets its next time, if `due` is the stored next time and has come by the clock
    /// of the store. So each tick is taken once, however many workers try. A schedule that is new or was changed only
    /// gets its next time. Returns whether the tick was taken.
    async fn tick(&self, tick: &Tick) -> Result<bool, Fault>;

    /// Returns the number of waiting and running jobs of each kind that has any.
    async fn backlog(&self) -> Result<Vec<Backlog>, Fault>;

    /// Deletes ended jobs older than `age`, at most `most` of them, and returns their number.
    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault>;
}
