//! Jobs as rows.

use diesel::{Insertable, Queryable, Selectable, sqlite::Sqlite};
use entrepot_domain::{
    Fault, Invalid, JobId,
    job::{ErrorText, Job, JobKind, JobStatus, Priority},
};

pub(super) use crate::clock::{between, millis, now};
use crate::{
    schema::{all_jobs, ended_jobs, jobs},
    value::{Id, moment, read},
};

const TABLE: &str = "jobs";

pub(super) fn kind(row: impl std::fmt::Display, text: &str) -> Result<JobKind, Fault> {
    read(TABLE, "kind", row, JobKind::parse(text))
}

/// Converts the number of a column to the type of the domain.
pub(super) fn number<T: TryFrom<i64>>(column: &'static str, row: Id, number: i64) -> Result<T, Fault> {
    read(TABLE, column, row.0, T::try_from(number).map_err(|_| Invalid::new("is out of range")))
}

/// A job that waits or runs.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = jobs, treat_none_as_default_value = false, check_for_backend(Sqlite))]
pub(super) struct LiveRow {
    pub(super) id: Id,
    pub(super) kind: String,
    pub(super) priority: i64,
    pub(super) payload_version: i64,
    pub(super) payload: String,
    pub(super) unique_key: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) attempt: i64,
    pub(super) max_attempts: i64,
    pub(super) fence: i64,
    pub(super) run_at: i64,
    pub(super) lease_until: Option<i64>,
    pub(super) started_at: Option<i64>,
    pub(super) last_error: Option<String>,
    pub(super) created_at: i64,
}

/// A job that has ended.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = ended_jobs, treat_none_as_default_value = false, check_for_backend(Sqlite))]
pub(super) struct EndedRow {
    pub(super) id: Id,
    kind: String,
    status: String,
    priority: i64,
    payload_version: i64,
    payload: Option<String>,
    unique_key: Option<String>,
    trace: Option<String>,
    attempt: i64,
    max_attempts: i64,
    fence: i64,
    run_at: i64,
    started_at: Option<i64>,
    finished_at: i64,
    last_error: Option<String>,
    created_at: i64,
}

impl LiveRow {
    /// Converts to the row of the ended job. Only a dead job can be retried, and keeps its payload.
    pub(super) fn end(self, status: JobStatus, error: Option<&str>, now: i64) -> EndedRow {
        EndedRow {
            id: self.id,
            kind: self.kind,
            status: status.as_str().to_owned(),
            priority: self.priority,
            payload_version: self.payload_version,
            payload: (status == JobStatus::Dead).then_some(self.payload),
            unique_key: self.unique_key,
            trace: self.trace,
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            fence: self.fence,
            run_at: self.run_at,
            started_at: self.started_at,
            finished_at: now,
            last_error: error.map(str::to_owned).or(self.last_error),
            created_at: self.created_at,
        }
    }
}

impl EndedRow {
    /// Converts to the row of the job queued again, with all its attempts; `None` without a payload.
    pub(super) fn requeue(self, now: i64) -> Option<LiveRow> {
        Some(LiveRow {
            id: self.id,
            kind: self.kind,
            priority: self.priority,
            payload_version: self.payload_version,
            payload: self.payload?,
            unique_key: self.unique_key,
            trace: self.trace,
            attempt: 0,
            max_attempts: self.max_attempts,
            fence: self.fence,
            run_at: now,
            lease_until: None,
            started_at: self.started_at,
            last_error: self.last_error,
            created_at: self.created_at,
        })
    }
}

/// A job as admins see it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = all_jobs, check_for_backend(Sqlite))]
pub(super) struct JobRow {
    id: Id,
    kind: String,
    status: String,
    priority: i64,
    attempt: i64,
    max_attempts: i64,
    run_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    last_error: Option<String>,
    created_at: i64,
}

impl TryFrom<JobRow> for Job {
    type Error = Fault;

    fn try_from(row: JobRow) -> Result<Self, Fault> {
        let id = row.id;
        let at = |column, millis| moment(TABLE, column, id.0, millis);
        Ok(Self {
            id: JobId(id.0),
            kind: kind(id.0, &row.kind)?,
            status: read(TABLE, "status", id.0, row.status.parse())?,
            priority: Priority(number("priority", id, row.priority)?),
            attempt: number("attempt", id, row.attempt)?,
            max_attempts: number("max_attempts", id, row.max_attempts)?,
            run_at: at("run_at", row.run_at)?,
            started_at: row.started_at.map(|millis| at("started_at", millis)).transpose()?,
            finished_at: row.finished_at.map(|millis| at("finished_at", millis)).transpose()?,
            last_error: row.last_error.as_deref().map(ErrorText::new),
            created_at: at("created_at", row.created_at)?,
        })
    }
}
