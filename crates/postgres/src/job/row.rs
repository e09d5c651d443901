//! Jobs as rows.

use diesel::{Queryable, Selectable, pg::Pg};
use entrepot_domain::{
    Fault, Invalid, JobId, Timestamp,
    job::{ErrorText, Job, JobKind, Priority},
};
use uuid::Uuid;

pub(super) use crate::value::millis;
use crate::{schema::all_jobs, value::read};

#[derive(Queryable, Selectable)]
#[diesel(table_name = all_jobs, check_for_backend(Pg))]
pub(super) struct JobRow {
    pub(super) id: Uuid,
    kind: String,
    status: String,
    priority: i64,
    attempt: i64,
    max_attempts: i64,
    run_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    last_error: Option<String>,
    created_at: Timestamp,
}

impl TryFrom<JobRow> for Job {
    type Error = Fault;

    fn try_from(row: JobRow) -> Result<Self, Fault> {
        Ok(Self {
            id: JobId(row.id),
            kind: kind(row.id, &row.kind)?,
            status: read("jobs", "status", row.id, row.status.parse())?,
            priority: Priority(number("priority", row.id, row.priority)?),
            attempt: number("attempt", row.id, row.attempt)?,
            max_attempts: number("max_attempts", row.id, row.max_attempts)?,
            run_at: row.run_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            last_error: row.last_error.as_deref().map(ErrorText::new),
            created_at: row.created_at,
        })
    }
}

pub(super) fn kind(row: impl std::fmt::Display, text: &str) -> Result<JobKind, Fault> {
    read("jobs", "kind", row, JobKind::parse(text))
}

/// Converts the number of a column to the type of the domain.
pub(super) fn number<T: TryFrom<i64>>(column: &'static str, row: Uuid, number: i64) -> Result<T, Fault> {
    read("jobs", column, row, T::try_from(number).map_err(|_| Invalid::new("is out of range")))
}
