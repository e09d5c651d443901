//! What the program does later, or again and again, beside the answers to requests.
//!
//! A job is queued in the transaction of whatever it follows from, so there is none without the other. A worker claims
//! it under a lease, which it renews as long as it works, and writes what became of it. Whoever lost the lease, because
//! it was too slow or because an admin cancelled the job, can write nothing any more: each claim has a fencing number of
//! its own. So a job is done at least once, and its result is written once.
//!
//! The queue knows no kind and reads no payload: a kind is a name here, and a payload is a text with a version. Who does
//! the work knows more.

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

/// A job as an admin sees it: never with what it is about.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub status: JobStatus,
    pub priority: Priority,
    /// How often it was begun; counted from zero again when an admin retries it.
    pub attempt: u32,
    pub max_attempts: u32,
    /// When it may be begun, or might have been.
    pub run_at: Timestamp,
    /// When it was last begun.
    pub started_at: Option<Timestamp>,
    /// When it ended for good.
    pub finished_at: Option<Timestamp>,
    /// Why the last attempt that failed did.
    pub last_error: Option<ErrorText>,
    pub created_at: Timestamp,
}
