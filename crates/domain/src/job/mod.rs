//! Background jobs: work that is queued to run later, or on a schedule.
//!
//! A job is queued in the transaction of the operation that causes it, so neither exists without the other. A worker
//! claims a job under a lease, renews the lease while the job runs, and writes the outcome. A worker that lost its
//! lease, because it was too slow or because an admin cancelled the job, cannot write an outcome: each claim has its
//! own fencing number. So a job runs at least once, and its outcome is written once.
//!
//! The queue interprets neither kinds nor payloads: a kind is a name, and a payload is a text with a version. The
//! worker interprets both.

mod decide;
mod new;
mod port;
mod queue;
mod schedule;
mod status;
mod values;

pub use decide::{Backoff, Failed, JobOver};
pub use new::NewJob;
pub use port::{JobError, JobFilter, JobQuery, JobRepository, JobSort, JobSummary};
pub use queue::{Backlog, Claim, Claimed, JobQueue, Lease, Outcome, Settlement};
pub use schedule::{Schedules, Tick};
pub use status::JobStatus;
pub use values::{ErrorText, JobKind, Payload, Priority, TraceParent, UniqueKey};
#[cfg(feature = "mock")]
pub use {port::MockJobRepository, queue::MockJobQueue};

use crate::{JobId, Timestamp};

/// A job as admins see it, without its payload.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub status: JobStatus,
    pub priority: Priority,
    /// The number of attempts started; zero again when an admin retries the job.
    pub attempt: u32,
    pub max_attempts: u32,
    /// The earliest time at which it may start.
    pub run_at: Timestamp,
    /// The start of the last attempt.
    pub started_at: Option<Timestamp>,
    /// The time at which it succeeded, died or was cancelled.
    pub finished_at: Option<Timestamp>,
    /// The error of the last failed attempt.
    pub last_error: Option<ErrorText>,
    pub created_at: Timestamp,
}
