//! Claiming jobs and renewing leases.

use std::{cmp::Reverse, time::Duration};

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, JobId,
    job::{Claim, Claimed, Lease, Payload, TraceParent},
};
use uuid::Uuid;

use super::row::{kind, millis, number};
use crate::{error::fault, value::read};

pub(super) async fn claim(connection: &mut AsyncPgConnection, claim: &Claim) -> Result<Vec<Claimed>, Fault> {
    let rows: Vec<Row> = ClaimJobs::new(claim).load(connection).await.map_err(fault)?;
    let mut jobs = rows.into_iter().map(claimed).collect::<Result<Vec<_>, Fault>>()?;
    // An update returns its rows in any order; restore that of the claim.
    jobs.sort_by_key(|(priority, job)| (Reverse(*priority), Reverse(job.waited), job.lease));
    Ok(jobs.into_iter().map(|(_, job)| job).collect())
}

/// Selects due jobs of each kind, up to its number. Rows locked by other claims are skipped.
#[derive(QueryId)]
struct ClaimJobs {
    kinds: Vec<String>,
    most: Vec<i64>,
    lease: i64,
}

impl ClaimJobs {
    fn new(claim: &Claim) -> Self {
        Self {
            kinds: claim.kinds.iter().map(|(kind, _)| kind.as_str().to_owned()).collect(),
            most: claim.kinds.iter().map(|(_, most)| i64::from(*most)).collect(),
            lease: millis(claim.lease),
        }
    }
}

impl QueryFragment<Pg> for ClaimJobs {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE jobs SET attempt = attempt + 1, fence = fence + 1, started_at = date_trunc('milliseconds', now()), lease_until = now() + ");
        out.push_bind_param::<BigInt, _>(&self.lease)?;
        out.push_sql(
            " * interval '1 millisecond' WHERE id = ANY(ARRAY(
                SELECT due.id FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.most)?;
        out.push_sql(
            ") AS wanted (kind, most) CROSS JOIN LATERAL (
                    SELECT id FROM jobs WHERE kind = wanted.kind AND lease_until IS NULL AND run_at <= now()
                    ORDER BY priority DESC, run_at, id LIMIT wanted.most FOR NO KEY UPDATE SKIP LOCKED
                ) AS due
            )) RETURNING id, fence, kind, payload_version, payload, attempt, max_attempts, trace, priority,
                (extract(epoch FROM now() - run_at) * 1000)::bigint",
        );
        Ok(())
    }
}

type RowType = (SqlUuid, BigInt, Text, BigInt, Text, BigInt, BigInt, Nullable<Text>, BigInt, BigInt);
type Row = (Uuid, i64, String, i64, String, i64, i64, Option<String>, i64, i64);

impl Query for ClaimJobs {
    type SqlType = RowType;
}

fn claimed(row: Row) -> Result<(i64, Claimed), Fault> {
    let (id, fence, name, version, text, attempt, max_attempts, trace, priority, waited) = row;
    let job = Claimed {
        lease: Lease { job: JobId(id), fence },
        kind: kind(id, &name)?,
        payload: Payload { version: number("payload_version", id, version)?, text },
        attempt: number("attempt", id, attempt)?,
        max_attempts: number("max_attempts", id, max_attempts)?,
        trace: trace.map(|trace| read("jobs", "trace", id, TraceParent::parse(trace))).transpose()?,
        waited: Duration::from_millis(u64::try_from(waited).unwrap_or_default()),
    };
    Ok((priority, job))
}

pub(super) async fn renew(
    connection: &mut AsyncPgConnection,
    leases: &[Lease],
    time: Duration,
) -> Result<Vec<Lease>, Fault> {
    let held: Vec<(Uuid, i64)> = Renew::new(leases, time).load(connection).await.map_err(fault)?;
    Ok(held.into_iter().map(|(id, fence)| Lease { job: JobId(id), fence }).collect())
}

/// Rows are locked in the order of their identifiers, as `settle` does.
#[derive(QueryId)]
struct Renew {
    ids: Vec<Uuid>,
    fences: Vec<i64>,
    time: i64,
}

impl Renew {
    fn new(leases: &[Lease], time: Duration) -> Self {
        let mut leases = leases.to_vec();
        leases.sort_unstable();
        Self {
            ids: leases.iter().map(|lease| lease.job.0).collect(),
            fences: leases.iter().map(|lease| lease.fence).collect(),
            time: millis(time),
        }
    }
}

impl QueryFragment<Pg> for Renew {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE jobs SET lease_until = now() + ");
        out.push_bind_param::<BigInt, _>(&self.time)?;
        out.push_sql(" * interval '1 millisecond' FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.fences)?;
        out.push_sql(
            ") AS held (id, fence) WHERE jobs.id = held.id AND jobs.fence = held.fence
                AND jobs.lease_until IS NOT NULL RETURNING jobs.id, jobs.fence",
        );
        Ok(())
    }
}

impl Query for Renew {
    type SqlType = (SqlUuid, BigInt);
}
