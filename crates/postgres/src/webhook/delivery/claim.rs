//! Claiming deliveries.

use std::time::Duration;

use diesel::{
    ExpressionMethods, QueryDsl, QueryableByName,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    DeliveryId, Fault, Invalid, Timestamp, UserId, WebhookId,
    second_factor::SealedSecret,
    webhook::{ClaimedDelivery, DeliveryBacklog, DeliveryClaim, DeliveryLease, SealedKeys, Subscriber, WebhookUrl},
};
use uuid::Uuid;

use super::row::{TABLE, millis};
use crate::{
    error::fault,
    schema::webhooks,
    value::read,
    webhook::row::{live, types},
};

pub(super) async fn subscribers(connection: &mut AsyncPgConnection) -> Result<Vec<Subscriber>, Fault> {
    let rows = live().filter(webhooks::active.eq(true)).select((webhooks::id, webhooks::types));
    let rows: Vec<(Uuid, Option<i64>)> = rows.load(connection).await.map_err(fault)?;
    let subscriber = |(id, bits)| Ok(Subscriber { webhook: WebhookId(id), types: types(id, bits)? });
    rows.into_iter().map(subscriber).collect()
}

/// To each endpoint as many as may be sent to it at once, and of all those as many as are wanted, the oldest first. What
/// another one claims is skipped.
#[derive(QueryId)]
struct Claim {
    healthy: i64,
    failing: i64,
    per_endpoint: i64,
    lease: i64,
}

impl QueryFragment<Pg> for Claim {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH due AS (
                SELECT found.id, is_failing, row_number() OVER (PARTITION BY is_failing ORDER BY next_attempt_at, found.id) AS place
                FROM (SELECT id, active, failing_since IS NOT NULL AS is_failing FROM webhooks WHERE deleted_at IS NULL) AS endpoint
                CROSS JOIN LATERAL (
                    SELECT id, next_attempt_at FROM webhook_deliveries
                    WHERE webhook_id = endpoint.id AND status = 'pending' AND next_attempt_at <= now()
                        AND (lease_until IS NULL OR lease_until < now()) AND (endpoint.active OR forced)
                    ORDER BY next_attempt_at, id
                    LIMIT greatest(0, CASE WHEN endpoint.is_failing THEN 1 ELSE ",
        );
        out.push_bind_param::<BigInt, _>(&self.per_endpoint)?;
        out.push_sql(
            " END - (SELECT count(*) FROM webhook_deliveries AS sent
                        WHERE sent.webhook_id = endpoint.id AND sent.lease_until >= now()))
                    FOR NO KEY UPDATE SKIP LOCKED
                ) AS found
            ) UPDATE webhook_deliveries AS delivery SET fence = fence + 1, lease_until = now() + ",
        );
        out.push_bind_param::<BigInt, _>(&self.lease)?;
        out.push_sql(
            " * interval '1 millisecond' FROM webhooks
            WHERE webhooks.id = delivery.webhook_id
                AND delivery.id = ANY(ARRAY(SELECT id FROM due WHERE place <= CASE WHEN is_failing THEN ",
        );
        out.push_bind_param::<BigInt, _>(&self.failing)?;
        out.push_sql(" ELSE ");
        out.push_bind_param::<BigInt, _>(&self.healthy)?;
        out.push_sql(
            " END)) RETURNING delivery.id, delivery.webhook_id, event_id, kind, body, failures, fence, next_attempt_at, url,
                created_by, secret, previous_secret, previous_until, failing_since IS NOT NULL",
        );
        Ok(())
    }
}

type Row = (
    (Uuid, Uuid, String, String, String, i64, i64, Option<Timestamp>),
    (String, Uuid, Vec<u8>, Option<Vec<u8>>, Option<Timestamp>, bool),
);

impl Query for Claim {
    type SqlType = (
        (SqlUuid, SqlUuid, Text, Text, Text, BigInt, BigInt, Nullable<Timestamptz>),
        (Text, SqlUuid, Binary, Nullable<Binary>, Nullable<Timestamptz>, Bool),
    );
}

fn claimed(row: Row) -> Result<(Option<Timestamp>, ClaimedDelivery), Fault> {
    let ((id, webhook, event, kind, body, failures, fence, due_at), endpoint) = row;
    let (url, created_by, secret, previous_secret, previous_until, is_failing) = endpoint;
    let failures = u32::try_from(failures).map_err(|_| Invalid::new("is out of range"));
    let previous = previous_secret.zip(previous_until).map(|(secret, until)| (SealedSecret(secret), until));
    let delivery = ClaimedDelivery {
        lease: DeliveryLease { delivery: DeliveryId(id), fence },
        webhook: WebhookId(webhook),
        url: read("webhooks", "url", webhook, WebhookUrl::parse(&url))?,
        created_by: UserId(created_by),
        keys: SealedKeys { current: SealedSecret(secret), previous },
        is_failing,
        event,
        kind: read(TABLE, "kind", id, kind.parse())?,
        body,
        failures: read(TABLE, "failures", id, failures)?,
    };
    Ok((due_at, delivery))
}

pub(super) async fn claim(
    connection: &mut AsyncPgConnection,
    claim: &DeliveryClaim,
) -> Result<Vec<ClaimedDelivery>, Fault> {
    let statement = Claim {
        healthy: claim.healthy.into(),
        failing: claim.failing.into(),
        per_endpoint: claim.per_endpoint.into(),
        lease: millis(claim.lease),
    };
    let rows: Vec<Row> = statement.load(connection).await.map_err(fault)?;
    let mut deliveries = rows.into_iter().map(claimed).collect::<Result<Vec<_>, Fault>>()?;
    // An update returns its rows in any order.
    deliveries.sort_by_key(|(due_at, delivery)| (*due_at, delivery.lease));
    Ok(deliveries.into_iter().map(|(_, delivery)| delivery).collect())
}

#[derive(QueryableByName)]
struct BacklogRow {
    #[diesel(sql_type = BigInt)]
    due: i64,
    #[diesel(sql_type = BigInt)]
    oldest: i64,
}

pub(super) async fn backlog(connection: &mut AsyncPgConnection) -> Result<DeliveryBacklog, Fault> {
    let query = sql_query(
        "SELECT count(*) AS due, coalesce((extract(epoch FROM now() - min(next_attempt_at)) * 1000)::bigint, 0) AS oldest
        FROM webhook_deliveries JOIN webhooks ON webhooks.id = webhook_id
        WHERE deleted_at IS NULL AND status = 'pending' AND next_attempt_at <= now() AND (active OR forced)",
    );
    let row: BacklogRow = query.get_result(connection).await.map_err(fault)?;
    Ok(DeliveryBacklog {
        due: u64::try_from(row.due).unwrap_or_default(),
        oldest: Duration::from_millis(u64::try_from(row.oldest).unwrap_or_default()),
    })
}
