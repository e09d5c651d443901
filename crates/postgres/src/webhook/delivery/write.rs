//! Writing deliveries, and making them due.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
    dsl::sql,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
    update,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    DeliveryId, Fault, WebhookId,
    event::Consumed,
    webhook::{Delivery, DeliveryStatus, NewDelivery, WebhookError},
};
use uuid::Uuid;

use super::row::DeliveryRow;
use crate::{error::fault, event, schema::webhook_deliveries, webhook::row};

/// One statement for any number of deliveries. Those to endpoints that are gone are left out.
struct Insert<'a> {
    ids: Vec<Uuid>,
    webhooks: Vec<Uuid>,
    events: Vec<&'a str>,
    kinds: Vec<&'static str>,
    bodies: Vec<&'a str>,
    forced: bool,
}

impl<'a> Insert<'a> {
    fn new(deliveries: &'a [NewDelivery], forced: bool) -> Self {
        Self {
            ids: deliveries.iter().map(|delivery| delivery.id.0).collect(),
            webhooks: deliveries.iter().map(|delivery| delivery.webhook.0).collect(),
            events: deliveries.iter().map(|delivery| delivery.event.as_str()).collect(),
            kinds: deliveries.iter().map(|delivery| delivery.kind.as_str()).collect(),
            bodies: deliveries.iter().map(|delivery| &*delivery.body).collect(),
            forced,
        }
    }
}

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO webhook_deliveries (id, webhook_id, event_id, kind, body, status, forced, next_attempt_at, created_at)
            SELECT made.id, made.webhook_id, made.event_id, made.kind, made.body, 'pending', ",
        );
        out.push_bind_param::<Bool, _>(&self.forced)?;
        out.push_sql(
            ", date_trunc('milliseconds', statement_timestamp()), date_trunc('milliseconds', statement_timestamp())
            FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.webhooks)?;
        for texts in [&self.events, &self.kinds, &self.bodies] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Text>, _>(texts)?;
        }
        out.push_sql(
            ") AS made (id, webhook_id, event_id, kind, body)
            JOIN webhooks ON webhooks.id = made.webhook_id AND webhooks.deleted_at IS NULL",
        );
        Ok(())
    }
}

async fn find(
    connection: &mut AsyncPgConnection,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Delivery, WebhookError> {
    let row = webhook_deliveries::table
        .filter(webhook_deliveries::id.eq(id.0))
        .filter(webhook_deliveries::webhook_id.eq(webhook.0))
        .select(DeliveryRow::as_select())
        .for_no_key_update();
    let row: Option<DeliveryRow> = row.get_result(connection).await.optional().map_err(fault)?;
    Ok(Delivery::try_from(row.ok_or(WebhookError::NotFound)?)?)
}

pub(super) async fn insert(
    connection: &mut AsyncPgConnection,
    delivery: &NewDelivery,
) -> Result<Delivery, WebhookError> {
    let inserted = Insert::new(std::slice::from_ref(delivery), true).execute(connection).await.map_err(fault)?;
    if inserted == 0 {
        return Err(WebhookError::NotFound);
    }
    find(connection, delivery.webhook, delivery.id).await
}

pub(super) async fn retry(
    connection: &mut AsyncPgConnection,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Delivery, WebhookError> {
    row::find(connection, webhook).await?.ok_or(WebhookError::NotFound)?;
    let known = find(connection, webhook, id).await?;
    let row = webhook_deliveries::table.filter(webhook_deliveries::id.eq(id.0));
    let now = sql::<Nullable<Timestamptz>>("date_trunc('milliseconds', statement_timestamp())");
    let due = (webhook_deliveries::next_attempt_at.eq(now), webhook_deliveries::forced.eq(true));
    if known.status == DeliveryStatus::Pending {
        update(row).set(due).execute(connection).await.map_err(fault)?;
    } else {
        let anew =
            (webhook_deliveries::status.eq(DeliveryStatus::Pending.as_str()), webhook_deliveries::failures.eq(0));
        update(row).set((due, anew)).execute(connection).await.map_err(fault)?;
    }
    find(connection, webhook, id).await
}

pub(super) async fn dispatch(
    connection: &mut AsyncPgConnection,
    consumed: &Consumed,
    deliveries: &[NewDelivery],
) -> Result<bool, Fault> {
    if !event::consume(connection, consumed).await? {
        return Ok(false);
    }
    if !deliveries.is_empty() {
        Insert::new(deliveries, false).execute(connection).await.map_err(fault)?;
    }
    Ok(true)
}
