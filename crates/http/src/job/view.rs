//! Jobs as admins see them.

use std::collections::BTreeMap;

use entrepot_domain::job::{ErrorText, Job, JobSummary};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// A background job. Its payload is not shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView<'a> {
    /// The identifier of the job.
    id: Uuid,
    /// The kind of the job.
    #[schema(example = "orders.cancel_unpaid")]
    kind: &'a str,
    /// The status: `scheduled`, `ready`, `running`, `succeeded`, `dead` or `cancelled`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// The priority; jobs with a greater one start first.
    #[schema(example = 0)]
    priority: i16,
    /// The number of attempts started.
    #[schema(example = 1)]
    attempt: u32,
    /// The maximum number of attempts.
    #[schema(minimum = 1, example = 10)]
    max_attempts: u32,
    /// The earliest time at which the job may start.
    #[schema(value_type = String, format = DateTime)]
    run_at: Rfc3339,
    /// The time at which the last attempt started; null if there was none.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    started_at: Option<Rfc3339>,
    /// The time at which the job ended; null if it has not.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    finished_at: Option<Rfc3339>,
    /// The error of the last failed attempt; null if there was none.
    #[schema(required = true)]
    last_error: Option<&'a str>,
    /// The time at which the job was queued.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
}

impl<'a> From<&'a Job> for JobView<'a> {
    fn from(job: &'a Job) -> Self {
        Self {
            id: job.id.0,
            kind: job.kind.as_str(),
            status: job.status.as_str(),
            priority: job.priority.0,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            run_at: Rfc3339(job.run_at),
            started_at: job.started_at.map(Rfc3339),
            finished_at: job.finished_at.map(Rfc3339),
            last_error: job.last_error.as_ref().map(ErrorText::as_str),
            created_at: Rfc3339(job.created_at),
        }
    }
}

/// The number of jobs.
#[derive(Serialize, ToSchema)]
#[schema(as = JobSummary)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryView<'a> {
    /// The number of jobs by kind and status. Kinds and statuses without jobs are left out.
    #[schema(example = json!({"orders.cancel_unpaid": {"succeeded": 12, "dead": 1}}))]
    kinds: BTreeMap<&'a str, BTreeMap<&'static str, u64>>,
    /// The time since which the oldest due job has been waiting for a worker; null if none is waiting.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    oldest_ready_at: Option<Rfc3339>,
}

impl<'a> From<&'a JobSummary> for SummaryView<'a> {
    fn from(summary: &'a JobSummary) -> Self {
        let mut kinds: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (kind, status, count) in &summary.counts {
            kinds.entry(kind.as_str()).or_default().insert(status.as_str(), *count);
        }
        Self { kinds, oldest_ready_at: summary.oldest_ready_at.map(Rfc3339) }
    }
}
