//! Claiming jobs and renewing leases.

use std::time::Duration;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection, update};
use entrepot_domain::{
    Fault, JobId,
    job::{Claim, Claimed, JobKind, Lease, Payload, TraceParent},
};

use super::row::{LiveRow, between, kind, millis, now, number};
use crate::{
    error::fault,
    schema::jobs,
    value::{Id, read},
};

/// Whether a job can be claimed.
pub(super) fn is_due(connection: &mut SqliteConnection, claim: &Claim) -> Result<bool, Fault> {
    let now = now(connection)?;
    for (kind, _) in claim.kinds.iter().filter(|(_, most)| *most > 0) {
        let due = jobs::table
            .filter(jobs::kind.eq(kind.as_str()))
            .filter(jobs::lease_until.is_null())
            .filter(jobs::run_at.le(now))
            .select(jobs::id);
        if due.get_result::<Id>(connection).optional().map_err(fault)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn claim(connection: &mut SqliteConnection, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let now = now(connection)?;
    let mut claimed = Vec::new();
    for (kind, most) in &claim.kinds {
        let due = due(connection, kind, *most, now)?;
        let ids: Vec<Id> = due.iter().map(|row| row.id).collect();
        update(jobs::table.filter(jobs::id.eq_any(ids)))
            .set((
                jobs::attempt.eq(jobs::attempt + 1),
                jobs::fence.eq(jobs::fence + 1),
                jobs::started_at.eq(now),
                jobs::lease_until.eq(now.saturating_add(millis(claim.lease))),
            ))
            .execute(connection)
            .map_err(fault)?;
        for row in due {
            claimed.push(begun(row, now)?);
        }
    }
    Ok(claimed)
}

/// Returns the first due jobs of a kind.
fn due(connection: &mut SqliteConnection, kind: &JobKind, most: u32, now: i64) -> Result<Vec<LiveRow>, Fault> {
    jobs::table
        .filter(jobs::kind.eq(kind.as_str()))
        .filter(jobs::lease_until.is_null())
        .filter(jobs::run_at.le(now))
        .order((jobs::priority.desc(), jobs::run_at, jobs::id))
        .limit(most.into())
        .select(LiveRow::as_select())
        .load(connection)
        .map_err(fault)
}

/// Converts the row as it was before the claim to the claimed job.
fn begun(row: LiveRow, now: i64) -> Result<Claimed, Fault> {
    let id = row.id;
    let trace = row.trace.map(TraceParent::parse).transpose();
    Ok(Claimed {
        lease: Lease { job: JobId(id.0), fence: row.fence.saturating_add(1) },
        kind: kind(id.0, &row.kind)?,
        payload: Payload { version: number("payload_version", id, row.payload_version)?, text: row.payload },
        attempt: number("attempt", id, row.attempt.saturating_add(1))?,
        max_attempts: number("max_attempts", id, row.max_attempts)?,
        trace: read("jobs", "trace", id.0, trace)?,
        waited: between(row.run_at, now),
    })
}

pub(super) fn renew(connection: &mut SqliteConnection, leases: &[Lease], time: Duration) -> Result<Vec<Lease>, Fault> {
    let until = now(connection)?.saturating_add(millis(time));
    let mut held = Vec::with_capacity(leases.len());
    for lease in leases {
        let row = jobs::table
            .filter(jobs::id.eq(Id(lease.job.0)))
            .filter(jobs::fence.eq(lease.fence))
            .filter(jobs::lease_until.is_not_null());
        if update(row).set(jobs::lease_until.eq(until)).execute(connection).map_err(fault)? > 0 {
            held.push(*lease);
        }
    }
    Ok(held)
}
