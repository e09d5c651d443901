//! Where admins look at jobs.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Job, JobKind, JobOver, JobStatus};
use crate::{Fault, JobId, Listing, Sort, SortField, SortValue, Timestamp, Window};

/// Which jobs a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those in this status.
    pub status: Option<JobStatus>,
    /// Those of this kind.
    pub kind: Option<JobKind>,
}

/// What jobs can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSort {
    /// When they were queued.
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

/// A part of the list of jobs.
#[derive(Debug, Clone)]
pub struct JobQuery {
    /// Which.
    pub filter: JobFilter,
    /// In what order.
    pub sort: Sort<JobSort>,
    /// Which part.
    pub window: Window,
}

/// How many jobs there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobSummary {
    /// Of each kind and status that there are any of; sorted.
    pub counts: Vec<(JobKind, JobStatus, u64)>,
    /// Since when the oldest job that is due has been so.
    pub oldest_ready_at: Option<Timestamp>,
}

/// Why nothing was done with a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such job.
    #[error("no such job")]
    NotFound,
    /// What has become of it does not allow it.
    #[error(transparent)]
    Over(#[from] JobOver),
    /// A job with its unique key waits or runs.
    #[error("the same job is queued already")]
    Queued,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Shows jobs to admins. Every method is atomic. Jobs that wait, run or have ended are found alike.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobRepository: Send + Sync {
    /// Lists jobs, in the order of `query.sort`.
    async fn list(&self, query: &JobQuery) -> Result<Listing<Job>, Fault>;

    /// Looks a job up.
    async fn find(&self, id: JobId) -> Result<Option<Job>, Fault>;

    /// How many jobs of each kind and status there are.
    async fn summary(&self) -> Result<JobSummary, Fault>;

    /// Ends a job that waits or runs, as [`Job::cancel`] decides. A worker that has it can write nothing any more.
    async fn cancel(&self, id: JobId) -> Result<(), JobError>;

    /// Makes a job due at once, as [`Job::retry`] decides.
    async fn retry(&self, id: JobId) -> Result<(), JobError>;
}
