//! The history of orders, written in the transactions of the changes.

use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper, insert_into, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, OrderId, ProductId, Timestamp, UserId,
    order::{Order, OrderEvent, OrderEventKind, OrderStatus},
    product::StockChange,
};
use uuid::Uuid;

use crate::{
    error::{broken_row, fault},
    schema::events,
    value::read,
};

/// An order was placed. The statement that places orders writes it.
const CREATED: &str = "order.created";
const STATUS_CHANGED: &str = "order.status_changed";
const STOCK_CHANGED: &str = "product.stock_changed";

/// In the place of a user: the program by itself. The column was made when there was nobody but users.
const SYSTEM: Uuid = Uuid::nil();

#[derive(Insertable)]
#[diesel(table_name = events)]
struct NewEvent<'a> {
    kind: &'static str,
    order_id: Option<Uuid>,
    product_id: Option<Uuid>,
    actor_id: Uuid,
    status_from: Option<&'static str>,
    status_to: Option<&'static str>,
    delta: Option<i64>,
    reason: Option<&'a str>,
    at: Timestamp,
}

impl NewEvent<'_> {
    async fn write(self, connection: &mut AsyncPgConnection) -> Result<(), Fault> {
        insert_into(events::table).values(self).execute(connection).await.map_err(fault)?;
        Ok(())
    }
}

pub(crate) async fn status_changed(
    connection: &mut AsyncPgConnection,
    order: &Order,
    from: OrderStatus,
    actor: Option<UserId>,
) -> Result<(), Fault> {
    let event = NewEvent {
        kind: STATUS_CHANGED,
        order_id: Some(order.id.0),
        product_id: None,
        actor_id: actor.map_or(SYSTEM, |actor| actor.0),
        status_from: Some(from.as_str()),
        status_to: Some(order.status.as_str()),
        delta: None,
        reason: None,
        at: order.updated_at,
    };
    event.write(connection).await
}

pub(crate) async fn stock_changed(
    connection: &mut AsyncPgConnection,
    product: ProductId,
    change: &StockChange,
) -> Result<(), Fault> {
    let event = NewEvent {
        kind: STOCK_CHANGED,
        order_id: None,
        product_id: Some(product.0),
        actor_id: change.actor.0,
        status_from: None,
        status_to: None,
        delta: Some(change.delta),
        reason: Some(change.reason.as_str()),
        at: change.cause.at,
    };
    event.write(connection).await
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Pg))]
struct EventRow {
    sequence: i64,
    kind: String,
    order_id: Option<Uuid>,
    actor_id: Uuid,
    status_from: Option<String>,
    status_to: Option<String>,
    at: Timestamp,
}

impl EventRow {
    fn read(self) -> Result<OrderEvent, Fault> {
        let row = self.sequence;
        let Some(order) = self.order_id else { return Err(broken_row("events", "order_id", row, "is null")) };
        let status = |column, text: Option<String>| {
            read("events", column, row, text.as_deref().unwrap_or_default().parse::<OrderStatus>())
        };
        let kind = match self.kind.as_str() {
            CREATED => OrderEventKind::Created,
            STATUS_CHANGED => OrderEventKind::StatusChanged {
                from: status("status_from", self.status_from)?,
                to: status("status_to", self.status_to)?,
            },
            other => return Err(broken_row("events", "kind", row, format!("is {other}, which happens to no order"))),
        };
        Ok(OrderEvent {
            sequence: row,
            order: OrderId(order),
            kind,
            actor: (self.actor_id != SYSTEM).then_some(UserId(self.actor_id)),
            at: self.at,
        })
    }
}

/// The events of these orders, the oldest first.
pub(crate) async fn of_orders(connection: &mut AsyncPgConnection, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
    let ids: Vec<Option<Uuid>> = ids.iter().map(|id| Some(id.0)).collect();
    let rows: Vec<EventRow> = events::table
        .filter(events::order_id.eq_any(ids))
        .order(events::sequence)
        .select(EventRow::as_select())
        .load(connection)
        .await
        .map_err(fault)?;
    rows.into_iter().map(EventRow::read).collect()
}
