//! The port through which admins inspect and control jobs.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Job, JobKind, JobOver, JobStatus};
use crate::{Fault, JobId, Listing, Sort, SortField, SortValue, Timestamp, Window};

/// Filters a list of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Jobs in this status.
    pub status: Option<JobStatus>,
    /// Jobs of this kind.
    pub kind: Option<JobKind>,
}

/// The sort fields of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSort {
    /// The time at which they were queued.
    CreatedAt,
}

impl SortField for JobSort {
    type Item = Job;

    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt)];

    fn value(self, job: &Job) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Time(job.created_at),
        }
    }

    fn id(job: &Job) -> Uuid {
        job.id.0
    }
}

/// A query of the list of jobs.
#[derive(Debug, Clone)]
pub struct JobQuery {
    /// The filter.
    pub filter: JobFilter,
    /// The sort order.
    pub sort: Sort<JobSort>,
    /// The part of the list.
    pub window: Window,
}

/// The number of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobSummary {
    /// The number of jobs of each kind and status that has any, sorted.
    pub counts: Vec<(JobKind, JobStatus, u64)>,
    /// The time at which the oldest due job became due.
    pub oldest_ready_at: Option<Timestamp>,
}

/// The reason why an operation on a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such job.
    #[error("no such job")]
    NotFound,
    /// The job has ended, with a status that does not allow the operation.
    #[error(transparent)]
    Over(#[from] JobOver),
    /// Another job with its unique key waits or runs.
    #[error("the same job is queued already")]
    Queued,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Lists and controls jobs for admins. Every method is atomic, and covers jobs that wait, run or have ended.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobRepository: Send + Sync {
    /// Lists jobs, in the order of `query.sort`.
    async fn list(&self, query: &JobQuery) -> Result<Listing<Job>, Fault>;

    /// Finds a job.
    async fn find(&self, id: JobId) -> Result<Option<Job>, Fault>;

    /// Counts the jobs of each kind and status.
    async fn summary(&self) -> Result<JobSummary, Fault>;

    /// Cancels a job that waits or runs, as [`Job::cancel`] decides. A worker that runs it can no longer write an
    /// outcome.
    async fn cancel(&self, id: JobId) -> Result<(), JobError>;

    /// Makes a job due at once, as [`Job::retry`] decides.
    async fn retry(&self, id: JobId) -> Result<(), JobError>;
}
