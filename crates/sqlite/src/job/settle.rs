//! Writing the outcomes of jobs.

use std::{collections::HashMap, time::Duration};

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection, delete,
    insert_into, update,
};
use entrepot_domain::{
    Fault, JobId,
    job::{Failed, JobKind, JobStatus, Lease, Outcome, Settlement},
};

use super::row::{EndedRow, LiveRow, millis, now, number};
use crate::{
    error::fault,
    schema::{ended_jobs, jobs},
    value::Id,
};

/// The maximum number of leases revoked at once.
const RESCUED_AT_ONCE: i64 = 200;

/// The maximum number of rows in one statement: each has 16 values, of at most 32,766.
const ROWS: usize = 1_000;

pub(super) fn settle(connection: &mut SqliteConnection, settlements: &[Settlement]) -> Result<Vec<JobId>, Fault> {
    let now = now(connection)?;
    let mut settled = Vec::with_capacity(settlements.len());
    for part in settlements.chunks(ROWS) {
        settled.extend(settle_part(connection, part, now)?);
    }
    Ok(settled)
}

fn settle_part(connection: &mut SqliteConnection, settlements: &[Settlement], now: i64) -> Result<Vec<JobId>, Fault> {
    let ids: Vec<Id> = settlements.iter().map(|one| Id(one.lease.job.0)).collect();
    let rows: Vec<LiveRow> = jobs::table
        .filter(jobs::id.eq_any(ids))
        .filter(jobs::lease_until.is_not_null())
        .select(LiveRow::as_select())
        .load(connection)
        .map_err(fault)?;
    let mut rows: HashMap<Id, LiveRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let (mut settled, mut gone, mut ended): (Vec<JobId>, Vec<Id>, Vec<EndedRow>) = Default::default();
    for Settlement { lease, outcome } in settlements {
        let id = Id(lease.job.0);
        let Some(row) = rows.remove(&id).filter(|row| row.fence == lease.fence) else { continue };
        settled.push(lease.job);
        match outcome {
            Outcome::Succeeded => ended.push(row.end(JobStatus::Succeeded, None, now)),
            Outcome::Dead { error } => ended.push(row.end(JobStatus::Dead, Some(error.as_str()), now)),
            Outcome::Nothing => {}
            Outcome::Retry { after, error } => {
                let wait = LiveRow {
                    run_at: now.saturating_add(millis(*after)),
                    last_error: Some(error.as_str().to_owned()),
                    ..row
                };
                give_back(connection, wait)?;
                continue;
            }
            Outcome::Released => {
                give_back(connection, LiveRow { attempt: row.attempt.saturating_sub(1), ..row })?;
                continue;
            }
        }
        gone.push(id);
    }
    delete(jobs::table.filter(jobs::id.eq_any(gone))).execute(connection).map_err(fault)?;
    // One by one: for several, Diesel would begin a transaction within that of the writer.
    for row in ended {
        insert_into(ended_jobs::table).values(row).execute(connection).map_err(fault)?;
    }
    Ok(settled)
}

/// Returns a job to the queue.
fn give_back(connection: &mut SqliteConnection, row: LiveRow) -> Result<(), Fault> {
    update(jobs::table.filter(jobs::id.eq(row.id)))
        .set((
            jobs::attempt.eq(row.attempt),
            jobs::run_at.eq(row.run_at),
            jobs::lease_until.eq(None::<i64>),
            jobs::last_error.eq(row.last_error),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

/// Whether a lease has expired.
pub(super) fn is_any_lost(connection: &mut SqliteConnection, kinds: &[JobKind]) -> Result<bool, Fault> {
    let now = now(connection)?;
    let kinds: Vec<&str> = kinds.iter().map(JobKind::as_str).collect();
    let lost = jobs::table.filter(jobs::lease_until.lt(now)).filter(jobs::kind.eq_any(kinds)).select(jobs::id);
    Ok(lost.get_result::<Id>(connection).optional().map_err(fault)?.is_some())
}

pub(super) fn rescue(connection: &mut SqliteConnection, kinds: &[JobKind]) -> Result<u32, Fault> {
    let now = now(connection)?;
    let kinds: Vec<&str> = kinds.iter().map(JobKind::as_str).collect();
    let lost: Vec<(Id, i64, i64, i64)> = jobs::table
        .filter(jobs::lease_until.lt(now))
        .filter(jobs::kind.eq_any(kinds))
        .order(jobs::lease_until)
        .limit(RESCUED_AT_ONCE)
        .select((jobs::id, jobs::fence, jobs::attempt, jobs::max_attempts))
        .load(connection)
        .map_err(fault)?;
    let settlement = |(id, fence, attempt, max_attempts): (Id, i64, i64, i64)| {
        let failed = Failed {
            attempt: number("attempt", id, attempt)?,
            max_attempts: number("max_attempts", id, max_attempts)?,
        };
        Ok(Settlement { lease: Lease { job: JobId(id.0), fence }, outcome: failed.lost() })
    };
    let settlements = lost.into_iter().map(settlement).collect::<Result<Vec<_>, Fault>>()?;
    let settled = settle(connection, &settlements)?;
    Ok(u32::try_from(settled.len()).unwrap_or(u32::MAX))
}

/// Whether a job can be pruned.
pub(super) fn is_any_old(connection: &mut SqliteConnection, age: Duration) -> Result<bool, Fault> {
    let before = now(connection)?.saturating_sub(millis(age));
    let old = ended_jobs::table.filter(ended_jobs::finished_at.lt(before)).select(ended_jobs::id);
    Ok(old.get_result::<Id>(connection).optional().map_err(fault)?.is_some())
}

pub(super) fn prune(connection: &mut SqliteConnection, age: Duration, most: u32) -> Result<u32, Fault> {
    let before = now(connection)?.saturating_sub(millis(age));
    let old: Vec<Id> = ended_jobs::table
        .filter(ended_jobs::finished_at.lt(before))
        .order(ended_jobs::finished_at)
        .limit(most.into())
        .select(ended_jobs::id)
        .load(connection)
        .map_err(fault)?;
    let gone = delete(ended_jobs::table.filter(ended_jobs::id.eq_any(old))).execute(connection).map_err(fault)?;
    Ok(u32::try_from(gone).unwrap_or(u32::MAX))
}
