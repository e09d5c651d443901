//! Queuing jobs.

use diesel::{RunQueryDsl, SqliteConnection, insert_or_ignore_into};
use entrepot_domain::{Fault, JobId, job::NewJob};

use super::row::{LiveRow, millis, now};
use crate::{error::fault, schema::jobs, value::Id};

/// Queues jobs in the current transaction, and returns those that were queued. Call `notify_one` of the store's
/// `queued_jobs` when it is committed.
pub(crate) fn enqueue(connection: &mut SqliteConnection, jobs: &[NewJob]) -> Result<Vec<JobId>, Fault> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let now = now(connection)?;
    let mut queued = Vec::with_capacity(jobs.len());
    for job in jobs {
        let row = LiveRow {
            id: Id(job.id.0),
            kind: job.kind.as_str().to_owned(),
            priority: job.priority.0.into(),
            payload_version: job.payload.version.into(),
            payload: job.payload.text.clone(),
            unique_key: job.unique.as_ref().map(|key| key.as_str().to_owned()),
            trace: job.trace.as_ref().map(|trace| trace.as_str().to_owned()),
            attempt: 0,
            max_attempts: job.max_attempts.max(1).into(),
            fence: 0,
            run_at: now.saturating_add(millis(job.delay)),
            lease_until: None,
            started_at: None,
            last_error: None,
            created_at: now,
        };
        if insert(connection, row, job.unique.is_some())? {
            queued.push(job.id);
        }
    }
    Ok(queued)
}

/// Inserts a job, and returns whether it was inserted. Only a unique key may prevent it.
fn insert(connection: &mut SqliteConnection, row: LiveRow, is_unique: bool) -> Result<bool, Fault> {
    let inserted = if is_unique {
        insert_or_ignore_into(jobs::table).values(row).execute(connection)
    } else {
        diesel::insert_into(jobs::table).values(row).execute(connection)
    };
    Ok(inserted.map_err(fault)? > 0)
}
