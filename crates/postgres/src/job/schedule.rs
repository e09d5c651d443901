//! Schedules.

use diesel::{
    ExpressionMethods, IntoSql, QueryDsl, dsl::now, insert_into, query_dsl::methods::FilterDsl, select, update,
    upsert::excluded,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Timestamp,
    job::{JobKind, Schedules, Tick},
};

use super::{enqueue::enqueue, row::kind};
use crate::{error::fault, schema::job_schedules};

pub(super) async fn schedules(connection: &mut AsyncPgConnection, names: &[JobKind]) -> Result<Schedules, Fault> {
    let names: Vec<&str> = names.iter().map(JobKind::as_str).collect();
    let rows: Vec<(String, String, Timestamp)> =
        QueryDsl::filter(job_schedules::table, job_schedules::name.eq_any(names))
            .load(connection)
            .await
            .map_err(fault)?;
    let time = now.into_sql::<diesel::sql_types::Timestamptz>();
    let time: Timestamp = select(time).get_result(connection).await.map_err(fault)?;
    let known = rows.into_iter().map(|(name, pattern, next)| Ok((kind(&name, &name)?, pattern, next)));
    Ok(Schedules { now: time, known: known.collect::<Result<_, Fault>>()? })
}

pub(super) async fn tick(connection: &mut AsyncPgConnection, tick: &Tick) -> Result<bool, Fault> {
    let Some(due) = tick.due else { return set(connection, tick).await };
    let row = QueryDsl::filter(job_schedules::table, job_schedules::name.eq(tick.name.as_str()));
    let row = QueryDsl::filter(row, job_schedules::pattern.eq(&tick.pattern));
    let row = QueryDsl::filter(row, job_schedules::next_at.eq(due));
    let row = QueryDsl::filter(row, job_schedules::next_at.le(now));
    let taken = update(row).set(job_schedules::next_at.eq(tick.next)).execute(connection).await.map_err(fault)?;
    if taken > 0 {
        enqueue(connection, std::slice::from_ref(&tick.job)).await?;
    }
    Ok(taken > 0)
}

/// Stores a schedule that is new or was changed.
async fn set(connection: &mut AsyncPgConnection, tick: &Tick) -> Result<bool, Fault> {
    let row = (
        job_schedules::name.eq(tick.name.as_str()),
        job_schedules::pattern.eq(&tick.pattern),
        job_schedules::next_at.eq(tick.next),
    );
    let upsert = insert_into(job_schedules::table).values(row).on_conflict(job_schedules::name).do_update().set((
        job_schedules::pattern.eq(excluded(job_schedules::pattern)),
        job_schedules::next_at.eq(excluded(job_schedules::next_at)),
    ));
    let upsert = FilterDsl::filter(upsert, job_schedules::pattern.ne(excluded(job_schedules::pattern)));
    Ok(upsert.execute(connection).await.map_err(fault)? > 0)
}
