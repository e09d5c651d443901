//! Orders as rows.

use std::collections::HashMap;

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Currency, Fault, Money, OrderId, ProductId, Timestamp, UserId, Version,
    order::{Order, OrderLine},
    product::{ProductName, Quantity, Sku},
};
use uuid::Uuid;

use crate::{
    error::fault,
    schema::{order_lines, orders},
    value::read,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders, check_for_backend(Pg))]
pub(super) struct OrderRow {
    pub(super) id: Uuid,
    user_id: Uuid,
    status: String,
    amount: i64,
    currency: String,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = order_lines, check_for_backend(Pg))]
pub(super) struct LineRow {
    pub(super) order_id: Uuid,
    line: i64,
    product_id: Uuid,
    sku: String,
    name: String,
    quantity: i64,
    unit_amount: i64,
    line_amount: i64,
}

impl OrderRow {
    /// The order that has these lines.
    pub(super) fn with(self, lines: Vec<LineRow>) -> Result<Order, Fault> {
        const TABLE: &str = "orders";
        let id = self.id;
        let currency = read(TABLE, "currency", id, self.currency.parse())?;
        Ok(Order {
            id: OrderId(id),
            user: UserId(self.user_id),
            status: read(TABLE, "status", id, self.status.parse())?,
            lines: lines.into_iter().map(|line| line.read(currency)).collect::<Result<_, _>>()?,
            total: read(TABLE, "amount", id, Money::new(self.amount, currency))?,
            version: Version(self.version),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl LineRow {
    fn read(self, currency: Currency) -> Result<OrderLine, Fault> {
        const TABLE: &str = "order_lines";
        let row = format!("{}/{}", self.order_id, self.line);
        Ok(OrderLine {
            product: ProductId(self.product_id),
            sku: read(TABLE, "sku", &row, Sku::parse(&self.sku))?,
            name: read(TABLE, "name", &row, ProductName::parse(&self.name))?,
            quantity: read(TABLE, "quantity", &row, Quantity::new(self.quantity))?,
            unit_price: read(TABLE, "unit_amount", &row, Money::new(self.unit_amount, currency))?,
            line_total: read(TABLE, "line_amount", &row, Money::new(self.line_amount, currency))?,
        })
    }
}

/// An order with its lines, in one round trip.
pub(super) async fn find(connection: &mut AsyncPgConnection, id: OrderId) -> Result<Option<Order>, Fault> {
    let rows = orders::table
        .left_join(order_lines::table)
        .filter(orders::id.eq(id.0))
        .order(order_lines::line)
        .select((OrderRow::as_select(), Option::<LineRow>::as_select()));
    let rows: Vec<(OrderRow, Option<LineRow>)> = rows.load(connection).await.map_err(fault)?;
    let mut order = None;
    let mut lines = Vec::with_capacity(rows.len());
    for (row, line) in rows {
        order = Some(row);
        lines.extend(line);
    }
    order.map(|order| order.with(lines)).transpose()
}

/// The same, locked for a change. Its lines, which never change, are read after the lock was taken.
pub(super) async fn lock(connection: &mut AsyncPgConnection, id: OrderId) -> Result<Option<Order>, Fault> {
    let row = orders::table.filter(orders::id.eq(id.0)).select(OrderRow::as_select()).for_no_key_update();
    let row: Option<OrderRow> = row.get_result(connection).await.optional().map_err(fault)?;
    let Some(row) = row else { return Ok(None) };
    let lines =
        order_lines::table.filter(order_lines::order_id.eq(id.0)).order(order_lines::line).select(LineRow::as_select());
    let lines = lines.load(connection).await.map_err(fault)?;
    row.with(lines).map(Some)
}

/// Several orders with their lines, in any order.
pub(crate) async fn find_all(connection: &mut AsyncPgConnection, ids: &[Uuid]) -> Result<Vec<Order>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = orders::table.filter(orders::id.eq_any(ids)).select(OrderRow::as_select());
    let rows: Vec<OrderRow> = rows.load(connection).await.map_err(fault)?;
    let lines = order_lines::table
        .filter(order_lines::order_id.eq_any(ids))
        .order((order_lines::order_id, order_lines::line))
        .select(LineRow::as_select());
    let mut lines_of: HashMap<Uuid, Vec<LineRow>> = HashMap::with_capacity(rows.len());
    for line in lines.load::<LineRow>(connection).await.map_err(fault)? {
        lines_of.entry(line.order_id).or_default().push(line);
    }
    rows.into_iter()
        .map(|row| {
            let lines = lines_of.remove(&row.id).unwrap_or_default();
            row.with(lines)
        })
        .collect()
}
