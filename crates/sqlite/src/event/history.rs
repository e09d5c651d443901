//! The history of orders, written in the transactions of the changes. The single writer numbers its entries, so they are
//! in commit order.

use diesel::{
    ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, SqliteConnection,
    insert_into, sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, OrderId, ProductId, UserId,
    order::{Order, OrderEvent, OrderEventKind, OrderStatus},
    product::StockChange,
};
use uuid::Uuid;

use crate::{
    error::{broken_row, fault},
    schema::events,
    value::{Id, moment, read},
};

const CREATED: &str = "order.created";
const STATUS_CHANGED: &str = "order.status_changed";
const STOCK_CHANGED: &str = "product.stock_changed";

/// In the place of a user: the program by itself. The column was made when there was nobody but users.
const SYSTEM: Uuid = Uuid::nil();

#[derive(Insertable)]
#[diesel(table_name = events)]
struct NewEvent<'a> {
    kind: &'static str,
    order_id: Option<Id>,
    product_id: Option<Id>,
    actor_id: Id,
    status_from: Option<&'static str>,
    status_to: Option<&'static str>,
    delta: Option<i64>,
    reason: Option<&'a str>,
    at: i64,
}

impl NewEvent<'_> {
    fn write(self, connection: &mut SqliteConnection) -> Result<(), Fault> {
        insert_into(events::table).values(self).execute(connection).map_err(fault)?;
        Ok(())
    }
}

pub(crate) fn created(connection: &mut SqliteConnection, order: &Order) -> Result<(), Fault> {
    NewEvent {
        kind: CREATED,
        order_id: Some(Id(order.id.0)),
        product_id: None,
        actor_id: Id(order.user.0),
        status_from: None,
        status_to: Some(order.status.as_str()),
        delta: None,
        reason: None,
        at: order.created_at.timestamp_millis(),
    }
    .write(connection)
}

pub(crate) fn status_changed(
    connection: &mut SqliteConnection,
    order: &Order,
    from: OrderStatus,
    actor: Option<UserId>,
) -> Result<(), Fault> {
    NewEvent {
        kind: STATUS_CHANGED,
        order_id: Some(Id(order.id.0)),
        product_id: None,
        actor_id: Id(actor.map_or(SYSTEM, |actor| actor.0)),
        status_from: Some(from.as_str()),
        status_to: Some(order.status.as_str()),
        delta: None,
        reason: None,
        at: order.updated_at.timestamp_millis(),
    }
    .write(connection)
}

pub(crate) fn stock_changed(
    connection: &mut SqliteConnection,
    product: ProductId,
    change: &StockChange,
) -> Result<(), Fault> {
    NewEvent {
        kind: STOCK_CHANGED,
        order_id: None,
        product_id: Some(Id(product.0)),
        actor_id: Id(change.actor.0),
        status_from: None,
        status_to: None,
        delta: Some(change.delta),
        reason: Some(change.reason.as_str()),
        at: change.cause.at.timestamp_millis(),
    }
    .write(connection)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(Sqlite))]
struct EventRow {
    sequence: i64,
    kind: String,
    order_id: Option<Id>,
    actor_id: Id,
    status_from: Option<String>,
    status_to: Option<String>,
    at: i64,
}

impl EventRow {
    fn read(self) -> Result<OrderEvent, Fault> {
        let row = self.sequence;
        let Some(Id(order)) = self.order_id else { return Err(broken_row("events", "order_id", row, "is null")) };
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
            actor: (self.actor_id.0 != SYSTEM).then_some(UserId(self.actor_id.0)),
            at: moment("events", "at", row, self.at)?,
        })
    }
}

/// The events of these orders, the oldest first.
pub(crate) fn of_orders(connection: &mut SqliteConnection, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
    let rows: Vec<EventRow> = events::table
        .filter(events::order_id.eq_any(ids.iter().map(|id| Some(Id(id.0)))))
        .order(events::sequence)
        .select(EventRow::as_select())
        .load(connection)
        .map_err(fault)?;
    rows.into_iter().map(EventRow::read).collect()
}
