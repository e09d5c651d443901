//! Jobs as admins see them.

use std::collections::BTreeMap;

use entrepot_domain::job::{ErrorText, Job, JobSummary};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// Something that the program does in the background. What it is about is not shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView<'a> {
    /// Never changes.
    id: Uuid,
    /// What kind of work it is.
    #[schema(example = "orders.cancel_unpaid")]
    kind: &'a str,
    /// `scheduled`, `ready`, `running`, `succeeded`, `dead` or `cancelled`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// The greater one is begun first.
    #[schema(example = 0)]
    priority: i16,
    /// How often it was begun.
    #[schema(example = 1)]
    attempt: u32,
    /// How often it may be begun.
    #[schema(minimum = 1, example = 10)]
    max_attempts: u32,
    /// When it may be begun.
    #[schema(value_type = String, format = DateTime)]
    run_at: Rfc3339,
    /// When it was last begun; null if it never was.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    started_at: Option<Rfc3339>,
    /// When it ended; null if it has not.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    finished_at: Option<Rfc3339>,
    /// Why the last attempt that failed did; null if none has.
    #[schema(required = true)]
    last_error: Option<&'a str>,
    /// When it was queued.
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

/// How many jobs there are.
#[derive(Serialize, ToSchema)]
#[schema(as = JobSummary)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryView<'a> {
    /// The number of jobs, by kind and status. What there is none of is left out.
    #[schema(example = json!({"orders.cancel_unpaid": {"succeeded": 12, "dead": 1}}))]
    kinds: BTreeMap<&'a str, BTreeMap<&'static str, u64>>,
    /// Since when the oldest job that is due waits for a worker; null if none does.
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
