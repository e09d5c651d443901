//! The operations of admins, and the metrics of the queue.

use std::collections::BTreeMap;

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection, delete,
    dsl::{count_star, min},
    insert_into, update,
};
use entrepot_domain::{
    Fault, JobId,
    job::{Backlog, JobError, JobStatus, JobSummary},
};

use super::{
    list::find,
    row::{EndedRow, LiveRow, between, kind, now},
};
use crate::{
    error::{fault, is_duplicate},
    schema::{all_jobs, ended_jobs, jobs},
    value::{Id, moment, read},
};

pub(super) fn cancel(connection: &mut SqliteConnection, id: JobId) -> Result<(), JobError> {
    find(connection, id)?.ok_or(JobError::NotFound)?.cancel()?;
    let now = now(connection)?;
    let live = jobs::table.filter(jobs::id.eq(Id(id.0)));
    let row: Option<LiveRow> = live.select(LiveRow::as_select()).get_result(connection).optional().map_err(fault)?;
    let row = row.ok_or(JobError::NotFound)?;
    // A worker that runs it finds no row to settle.
    delete(live).execute(connection).map_err(fault)?;
    let ended = row.end(JobStatus::Cancelled, None, now);
    insert_into(ended_jobs::table).values(ended).execute(connection).map_err(fault)?;
    Ok(())
}

pub(super) fn retry(connection: &mut SqliteConnection, id: JobId) -> Result<(), JobError> {
    let job = find(connection, id)?.ok_or(JobError::NotFound)?;
    job.retry()?;
    let now = now(connection)?;
    match job.status {
        JobStatus::Dead => requeue(connection, id, now),
        JobStatus::Scheduled => {
            let waiting = jobs::table.filter(jobs::id.eq(Id(id.0)));
            update(waiting).set(jobs::run_at.eq(now)).execute(connection).map_err(fault)?;
            Ok(())
        }
        JobStatus::Ready | JobStatus::Running | JobStatus::Succeeded | JobStatus::Cancelled => Ok(()),
    }
}

/// Queues a dead job again.
fn requeue(connection: &mut SqliteConnection, id: JobId, now: i64) -> Result<(), JobError> {
    let ended = ended_jobs::table.filter(ended_jobs::id.eq(Id(id.0)));
    let row: Option<EndedRow> = ended.select(EndedRow::as_select()).get_result(connection).optional().map_err(fault)?;
    let row = row.and_then(|row| row.requeue(now)).ok_or(JobError::NotFound)?;
    delete(ended).execute(connection).map_err(fault)?;
    insert_into(jobs::table)
        .values(row)
        .execute(connection)
        .map_err(|error| if is_duplicate(&error) { JobError::Queued } else { fault(error).into() })?;
    Ok(())
}

pub(super) fn summary(connection: &mut SqliteConnection) -> Result<JobSummary, Fault> {
    let now = now(connection)?;
    let grouped = all_jobs::table.group_by((all_jobs::kind, all_jobs::status)).select((
        all_jobs::kind,
        all_jobs::status,
        count_star(),
    ));
    let rows: Vec<(String, String, i64)> = grouped.load(connection).map_err(fault)?;
    let count = |(name, status, count): (String, String, i64)| {
        let status = read("jobs", "status", &name, status.parse())?;
        Ok((kind(&name, &name)?, status, u64::try_from(count).unwrap_or_default()))
    };
    let mut counts = rows.into_iter().map(count).collect::<Result<Vec<_>, Fault>>()?;
    counts.sort_unstable();
    let ready = jobs::table.filter(jobs::lease_until.is_null()).filter(jobs::run_at.le(now));
    let oldest: Option<i64> = ready.select(min(jobs::run_at)).get_result(connection).map_err(fault)?;
    let oldest_ready_at = oldest.map(|millis| moment("jobs", "run_at", "oldest", millis)).transpose()?;
    Ok(JobSummary { counts, oldest_ready_at })
}

pub(super) fn backlog(connection: &mut SqliteConnection) -> Result<Vec<Backlog>, Fault> {
    let now = now(connection)?;
    let running = jobs::table.filter(jobs::lease_until.is_not_null());
    let running: Vec<(String, i64)> =
        running.group_by(jobs::kind).select((jobs::kind, count_star())).load(connection).map_err(fault)?;
    let ready = jobs::table.filter(jobs::lease_until.is_null()).filter(jobs::run_at.le(now));
    let ready = ready.group_by(jobs::kind).select((jobs::kind, count_star(), min(jobs::run_at)));
    let ready: Vec<(String, i64, Option<i64>)> = ready.load(connection).map_err(fault)?;
    let mut kinds: BTreeMap<String, (i64, i64, Option<i64>)> = BTreeMap::new();
    for (kind, count) in running {
        kinds.entry(kind).or_default().1 = count;
    }
    for (kind, count, oldest) in ready {
        let of_kind = kinds.entry(kind).or_default();
        (of_kind.0, of_kind.2) = (count, oldest);
    }
    let backlog = |(name, (ready, running, oldest)): (String, (i64, i64, Option<i64>))| {
        Ok(Backlog {
            kind: kind(&name, &name)?,
            ready: u64::try_from(ready).unwrap_or_default(),
            running: u64::try_from(running).unwrap_or_default(),
            oldest: oldest.map(|oldest| between(oldest, now)).unwrap_or_default(),
        })
    };
    kinds.into_iter().map(backlog).collect()
}
