//! Schedules.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, replace_into, update};
use entrepot_domain::{
    Fault,
    job::{JobKind, Schedules, Tick},
};

use super::{
    enqueue::enqueue,
    row::{kind, now},
};
use crate::{error::fault, schema::job_schedules, value::moment};

const TABLE: &str = "job_schedules";

pub(super) fn schedules(connection: &mut SqliteConnection, names: &[JobKind]) -> Result<Schedules, Fault> {
    let names: Vec<&str> = names.iter().map(JobKind::as_str).collect();
    let rows: Vec<(String, String, i64)> =
        job_schedules::table.filter(job_schedules::name.eq_any(names)).load(connection).map_err(fault)?;
    let now = moment(TABLE, "now", "all", now(connection)?)?;
    let known = rows.into_iter().map(|(name, pattern, next)| {
        let next = moment(TABLE, "next_at", &name, next)?;
        Ok((kind(&name, &name)?, pattern, next))
    });
    Ok(Schedules { now, known: known.collect::<Result<_, Fault>>()? })
}

pub(super) fn tick(connection: &mut SqliteConnection, tick: &Tick) -> Result<bool, Fault> {
    let Some(due) = tick.due else { return set(connection, tick) };
    let row = job_schedules::table
        .filter(job_schedules::name.eq(tick.name.as_str()))
        .filter(job_schedules::pattern.eq(&tick.pattern))
        .filter(job_schedules::next_at.eq(due.timestamp_millis()))
        .filter(job_schedules::next_at.le(now(connection)?));
    let next = job_schedules::next_at.eq(tick.next.timestamp_millis());
    let taken = update(row).set(next).execute(connection).map_err(fault)?;
    if taken > 0 {
        enqueue(connection, std::slice::from_ref(&tick.job))?;
    }
    Ok(taken > 0)
}

/// Stores a schedule that is new or was changed.
fn set(connection: &mut SqliteConnection, tick: &Tick) -> Result<bool, Fault> {
    let known = job_schedules::table.filter(job_schedules::name.eq(tick.name.as_str())).select(job_schedules::pattern);
    let known: Option<String> = known.get_result(connection).optional().map_err(fault)?;
    if known.as_ref() == Some(&tick.pattern) {
        return Ok(false);
    }
    let row = (
        job_schedules::name.eq(tick.name.as_str()),
        job_schedules::pattern.eq(&tick.pattern),
        job_schedules::next_at.eq(tick.next.timestamp_millis()),
    );
    replace_into(job_schedules::table).values(row).execute(connection).map_err(fault)?;
    Ok(true)
}
