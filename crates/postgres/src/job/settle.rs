//! Writing the outcomes of jobs.

use std::time::Duration;

use diesel::{
    ExpressionMethods, QueryDsl,
    dsl::sql,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, JobId,
    job::{Failed, JobKind, JobStatus, Lease, Outcome, Settlement},
};
use uuid::Uuid;

use super::row::{millis, number};
use crate::{error::fault, schema::jobs, store::transaction::Begin};

/// The maximum number of leases revoked at once.
const RESCUED_AT_ONCE: i64 = 200;

/// A single statement needs no explicit transaction.
pub(super) fn begin(settlements: &[Settlement]) -> Begin {
    let ends = settlements.iter().filter(|one| ending(&one.outcome).is_some()).count();
    if ends == 0 || ends == settlements.len() { Begin::Plain } else { Begin::Write }
}

/// Returns the status with which a job ends, whether it is kept, and its error; `None` if it does not end.
fn ending(outcome: &Outcome) -> Option<(JobStatus, bool, Option<&str>)> {
    match outcome {
        Outcome::Succeeded => Some((JobStatus::Succeeded, true, None)),
        Outcome::Nothing => Some((JobStatus::Succeeded, false, None)),
        Outcome::Dead { error } => Some((JobStatus::Dead, true, Some(error.as_str()))),
        Outcome::Retry { .. } | Outcome::Released => None,
    }
}

pub(super) async fn settle(
    connection: &mut AsyncPgConnection,
    settlements: &[Settlement],
) -> Result<Vec<JobId>, Fault> {
    // Always in the same order, to avoid deadlocks.
    let mut settlements: Vec<&Settlement> = settlements.iter().collect();
    settlements.sort_unstable_by_key(|one| one.lease);
    let mut settled: Vec<Uuid> = Vec::with_capacity(settlements.len());
    let end = End::new(&settlements);
    if !end.ids.is_empty() {
        settled.extend(end.load::<Uuid>(connection).await.map_err(fault)?);
    }
    let give_back = GiveBack::new(&settlements);
    if !give_back.ids.is_empty() {
        settled.extend(give_back.load::<Uuid>(connection).await.map_err(fault)?);
    }
    Ok(settled.into_iter().map(JobId).collect())
}

pub(super) async fn rescue(connection: &mut AsyncPgConnection, kinds: &[JobKind]) -> Result<u32, Fault> {
    let kinds: Vec<&str> = kinds.iter().map(JobKind::as_str).collect();
    let lost: Vec<(Uuid, i64, i64, i64)> = jobs::table
        .filter(jobs::lease_until.lt(sql::<Nullable<Timestamptz>>("now()")))
        .filter(jobs::kind.eq_any(kinds))
        .order(jobs::lease_until)
        .limit(RESCUED_AT_ONCE)
        .select((jobs::id, jobs::fence, jobs::attempt, jobs::max_attempts))
        .for_no_key_update()
        .skip_locked()
        .load(connection)
        .await
        .map_err(fault)?;
    let settlement = |(id, fence, attempt, max_attempts)| {
        let failed = Failed {
            attempt: number("attempt", id, attempt)?,
            max_attempts: number("max_attempts", id, max_attempts)?,
        };
        Ok(Settlement { lease: Lease { job: JobId(id), fence }, outcome: failed.lost() })
    };
    let settlements = lost.into_iter().map(settlement).collect::<Result<Vec<_>, Fault>>()?;
    let settled = settle(connection, &settlements).await?;
    Ok(u32::try_from(settled.len()).unwrap_or(u32::MAX))
}

/// Moves jobs to the ended ones, if their leases are held.
#[derive(QueryId)]
struct End {
    ids: Vec<Uuid>,
    fences: Vec<i64>,
    statuses: Vec<String>,
    kept: Vec<bool>,
    errors: Vec<Option<String>>,
}

impl End {
    fn new(settlements: &[&Settlement]) -> Self {
        let ends = settlements.iter().filter_map(|one| ending(&one.outcome).map(|ending| (one.lease, ending)));
        let ends: Vec<_> = ends.collect();
        Self {
            ids: ends.iter().map(|(lease, _)| lease.job.0).collect(),
            fences: ends.iter().map(|(lease, _)| lease.fence).collect(),
            statuses: ends.iter().map(|(_, (status, ..))| status.as_str().to_owned()).collect(),
            kept: ends.iter().map(|(_, (_, kept, _))| *kept).collect(),
            errors: ends.iter().map(|(_, (_, _, error))| error.map(str::to_owned)).collect(),
        }
    }
}

impl QueryFragment<Pg> for End {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH gone AS (DELETE FROM jobs USING unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.fences)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.statuses)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.kept)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.errors)?;
        out.push_sql(
            ") AS ended (id, fence, status, kept, error)
                WHERE jobs.id = ended.id AND jobs.fence = ended.fence AND jobs.lease_until IS NOT NULL
                RETURNING jobs.*, ended.status, ended.kept, ended.error
            ), kept AS (
                INSERT INTO ended_jobs (id, kind, status, priority, payload_version, payload, unique_key, trace, attempt,
                    max_attempts, fence, run_at, started_at, finished_at, last_error, created_at)
                SELECT id, kind, status, priority, payload_version, CASE status WHEN 'dead' THEN payload END, unique_key,
                    trace, attempt, max_attempts, fence, run_at, started_at, date_trunc('milliseconds', now()),
                    coalesce(error, last_error), created_at
                FROM gone WHERE kept
            ) SELECT id FROM gone",
        );
        Ok(())
    }
}

impl Query for End {
    type SqlType = SqlUuid;
}

/// Returns jobs to the queue, if their leases are held.
#[derive(QueryId)]
struct GiveBack {
    ids: Vec<Uuid>,
    fences: Vec<i64>,
    /// The delays before the next attempts; none keeps the time.
    after: Vec<Option<i64>>,
    errors: Vec<Option<String>>,
}

impl GiveBack {
    fn new(settlements: &[&Settlement]) -> Self {
        let back = settlements.iter().filter_map(|one| match &one.outcome {
            Outcome::Retry { after, error } => Some((one.lease, Some(millis(*after)), Some(error.as_str().to_owned()))),
            Outcome::Released => Some((one.lease, None, None)),
            Outcome::Succeeded | Outcome::Nothing | Outcome::Dead { .. } => None,
        });
        let back: Vec<_> = back.collect();
        Self {
            ids: back.iter().map(|(lease, ..)| lease.job.0).collect(),
            fences: back.iter().map(|(lease, ..)| lease.fence).collect(),
            after: back.iter().map(|(_, after, _)| *after).collect(),
            errors: back.into_iter().map(|(.., error)| error).collect(),
        }
    }
}

impl QueryFragment<Pg> for GiveBack {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE jobs SET lease_until = NULL, last_error = coalesce(back.error, last_error),
                attempt = CASE WHEN back.after IS NULL THEN attempt - 1 ELSE attempt END,
                run_at = CASE WHEN back.after IS NULL THEN run_at
                    ELSE date_trunc('milliseconds', now() + back.after * interval '1 millisecond') END
            FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.fences)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<BigInt>>, _>(&self.after)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.errors)?;
        out.push_sql(
            ") AS back (id, fence, after, error)
            WHERE jobs.id = back.id AND jobs.fence = back.fence AND jobs.lease_until IS NOT NULL RETURNING jobs.id",
        );
        Ok(())
    }
}

impl Query for GiveBack {
    type SqlType = SqlUuid;
}

/// Deletes the oldest ended jobs.
#[derive(QueryId)]
struct Prune {
    age: i64,
    most: i64,
}

impl QueryFragment<Pg> for Prune {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "DELETE FROM ended_jobs WHERE id = ANY(ARRAY(SELECT id FROM ended_jobs WHERE finished_at < now() - ",
        );
        out.push_bind_param::<BigInt, _>(&self.age)?;
        out.push_sql(" * interval '1 millisecond' ORDER BY finished_at LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.most)?;
        out.push_sql(" FOR UPDATE SKIP LOCKED))");
        Ok(())
    }
}

pub(super) async fn prune(connection: &mut AsyncPgConnection, age: Duration, most: u32) -> Result<u32, Fault> {
    let prune = Prune { age: millis(age), most: most.into() };
    let gone = prune.execute(connection).await.map_err(fault)?;
    Ok(u32::try_from(gone).unwrap_or(u32::MAX))
}
