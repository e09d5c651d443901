//! Queuing jobs.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{Fault, JobId, job::NewJob};
use uuid::Uuid;

use super::row::millis;
use crate::error::fault;

/// Queues jobs in the current transaction, and returns those that were queued. Call `notify_one` of the store's
/// `queued_jobs` when it is committed.
pub(crate) async fn enqueue(connection: &mut AsyncPgConnection, jobs: &[NewJob]) -> Result<Vec<JobId>, Fault> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let queued: Vec<Uuid> = Enqueue::new(jobs).load(connection).await.map_err(fault)?;
    Ok(queued.into_iter().map(JobId).collect())
}

/// One statement for any number of jobs.
#[derive(QueryId)]
struct Enqueue {
    ids: Vec<Uuid>,
    kinds: Vec<String>,
    priorities: Vec<i64>,
    versions: Vec<i64>,
    payloads: Vec<String>,
    keys: Vec<Option<String>>,
    traces: Vec<Option<String>>,
    attempts: Vec<i64>,
    delays: Vec<i64>,
}

impl Enqueue {
    fn new(jobs: &[NewJob]) -> Self {
        Self {
            ids: jobs.iter().map(|job| job.id.0).collect(),
            kinds: jobs.iter().map(|job| job.kind.as_str().to_owned()).collect(),
            priorities: jobs.iter().map(|job| job.priority.0.into()).collect(),
            versions: jobs.iter().map(|job| job.payload.version.into()).collect(),
            payloads: jobs.iter().map(|job| job.payload.text.clone()).collect(),
            keys: jobs.iter().map(|job| job.unique.as_ref().map(|key| key.as_str().to_owned())).collect(),
            traces: jobs.iter().map(|job| job.trace.as_ref().map(|trace| trace.as_str().to_owned())).collect(),
            attempts: jobs.iter().map(|job| job.max_attempts.max(1).into()).collect(),
            delays: jobs.iter().map(|job| millis(job.delay)).collect(),
        }
    }
}

impl QueryFragment<Pg> for Enqueue {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO jobs (id, kind, priority, payload_version, payload, unique_key, trace, max_attempts, run_at, created_at)
            SELECT id, kind, priority, payload_version, payload, unique_key, trace, max_attempts,
                date_trunc('milliseconds', statement_timestamp() + delay * interval '1 millisecond'),
                date_trunc('milliseconds', statement_timestamp())
            FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        for numbers in [&self.priorities, &self.versions] {
            out.push_sql(", ");
            out.push_bind_param::<Array<BigInt>, _>(numbers)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.payloads)?;
        for texts in [&self.keys, &self.traces] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(texts)?;
        }
        for numbers in [&self.attempts, &self.delays] {
            out.push_sql(", ");
            out.push_bind_param::<Array<BigInt>, _>(numbers)?;
        }
        out.push_sql(
            ") AS j (id, kind, priority, payload_version, payload, unique_key, trace, max_attempts, delay)
            ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING RETURNING id",
        );
        Ok(())
    }
}

impl Query for Enqueue {
    type SqlType = SqlUuid;
}
