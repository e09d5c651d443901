//! The operations of admins, and the metrics of the queue.

use std::time::Duration;

use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    dsl::{count_star, min, now},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_query,
    sql_types::{BigInt, Text, Uuid as SqlUuid},
    update,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, JobId, Timestamp,
    job::{Backlog, JobError, JobStatus, JobSummary},
};
use uuid::Uuid;

use super::{list::find, row::kind};
use crate::{
    error::{POSTGRES, fault, is_duplicate},
    schema::{all_jobs, jobs},
    value::read,
};

/// The maximum number of tries when a job changes between two statements.
const TRIES: u32 = 3;

pub(super) async fn cancel(connection: &mut AsyncPgConnection, id: JobId) -> Result<(), JobError> {
    for _ in 0..TRIES {
        find(connection, id).await?.ok_or(JobError::NotFound)?.cancel()?;
        // A worker that runs it finds no row to settle.
        if (Cancel { id: id.0 }).execute(connection).await.map_err(fault)? > 0 {
            return Ok(());
        }
    }
    Err(restless().into())
}

pub(super) async fn retry(connection: &mut AsyncPgConnection, id: JobId) -> Result<(), JobError> {
    for _ in 0..TRIES {
        let job = find(connection, id).await?.ok_or(JobError::NotFound)?;
        job.retry()?;
        let changed = match job.status {
            JobStatus::Dead => Requeue { id: id.0 }.execute(connection).await.map_err(refused)?,
            JobStatus::Scheduled => hurry(connection, id).await?,
            _ => 1,
        };
        if changed > 0 {
            return Ok(());
        }
    }
    Err(restless().into())
}

fn restless() -> Fault {
    Fault::unavailable(POSTGRES, anyhow::anyhow!("a job changed again and again"))
}

fn refused(error: diesel::result::Error) -> JobError {
    if is_duplicate(&error) { JobError::Queued } else { fault(error).into() }
}

/// Makes a scheduled job due.
async fn hurry(connection: &mut AsyncPgConnection, id: JobId) -> Result<usize, Fault> {
    let waiting = jobs::table.filter(jobs::id.eq(id.0)).filter(jobs::lease_until.is_null());
    update(waiting).set(jobs::run_at.eq(now)).execute(connection).await.map_err(fault)
}

/// Moves a job to the ended ones, whether or not it is leased.
#[derive(QueryId)]
struct Cancel {
    id: Uuid,
}

impl QueryFragment<Pg> for Cancel {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH gone AS (DELETE FROM jobs WHERE id = ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        out.push_sql(
            " RETURNING *) INSERT INTO ended_jobs (id, kind, status, priority, payload_version, payload, unique_key, trace,
                attempt, max_attempts, fence, run_at, started_at, finished_at, last_error, created_at)
            SELECT id, kind, 'cancelled', priority, payload_version, NULL, unique_key, trace, attempt, max_attempts, fence,
                run_at, started_at, date_trunc('milliseconds', now()), last_error, created_at FROM gone",
        );
        Ok(())
    }
}

/// Queues a dead job again, with all its attempts.
#[derive(QueryId)]
struct Requeue {
    id: Uuid,
}

impl QueryFragment<Pg> for Requeue {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH back AS (DELETE FROM ended_jobs WHERE status = 'dead' AND id = ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        out.push_sql(
            " RETURNING *) INSERT INTO jobs (id, kind, priority, payload_version, payload, unique_key, trace, attempt,
                max_attempts, fence, run_at, started_at, last_error, created_at)
            SELECT id, kind, priority, payload_version, payload, unique_key, trace, 0, max_attempts, fence,
                date_trunc('milliseconds', now()), started_at, last_error, created_at FROM back",
        );
        Ok(())
    }
}

pub(super) async fn summary(connection: &mut AsyncPgConnection) -> Result<JobSummary, Fault> {
    let grouped = all_jobs::table.group_by((all_jobs::kind, all_jobs::status));
    let grouped = grouped.select((all_jobs::kind, all_jobs::status, count_star(), min(all_jobs::run_at)));
    let rows: Vec<(String, String, i64, Option<Timestamp>)> = grouped.load(connection).await.map_err(fault)?;
    let (mut counts, mut oldest_ready_at) = (Vec::with_capacity(rows.len()), None::<Timestamp>);
    for (name, status, count, oldest) in rows {
        let status = read("jobs", "status", &name, status.parse())?;
        if status == JobStatus::Ready {
            oldest_ready_at = oldest_ready_at.into_iter().chain(oldest).min();
        }
        counts.push((kind(&name, &name)?, status, u64::try_from(count).unwrap_or_default()));
    }
    counts.sort_unstable();
    Ok(JobSummary { counts, oldest_ready_at })
}

#[derive(QueryableByName)]
struct BacklogRow {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    ready: i64,
    #[diesel(sql_type = BigInt)]
    running: i64,
    #[diesel(sql_type = BigInt)]
    oldest: i64,
}

pub(super) async fn backlog(connection: &mut AsyncPgConnection) -> Result<Vec<Backlog>, Fault> {
    let query = sql_query(
        "SELECT kind, count(*) FILTER (WHERE lease_until IS NULL AND run_at <= now()) AS ready,
            count(*) FILTER (WHERE lease_until IS NOT NULL) AS running,
            coalesce((extract(epoch FROM now() - min(run_at) FILTER (WHERE lease_until IS NULL AND run_at <= now())) * 1000)::bigint, 0)
                AS oldest
        FROM jobs GROUP BY kind ORDER BY kind",
    );
    let rows: Vec<BacklogRow> = query.load(connection).await.map_err(fault)?;
    let backlog = |row: BacklogRow| {
        Ok(Backlog {
            kind: kind(&row.kind, &row.kind)?,
            ready: u64::try_from(row.ready).unwrap_or_default(),
            running: u64::try_from(row.running).unwrap_or_default(),
            oldest: Duration::from_millis(u64::try_from(row.oldest).unwrap_or_default()),
        })
    };
    rows.into_iter().map(backlog).collect()
}
