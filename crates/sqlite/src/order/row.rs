//! Rows of orders.

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
    SqliteConnection, sqlite::Sqlite,
};
use entrepot_domain::{
    Currency, Fault, Money, OrderId, ProductId, UserId, Version,
    order::{Order, OrderLine},
    product::{ProductName, Quantity, Sku},
};

use crate::{
    error::fault,
    schema::{order_lines, orders},
    value::{Id, moment, read},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = orders, check_for_backend(Sqlite), treat_none_as_default_value = false)]
pub(super) struct OrderRow {
    pub(super) id: Id,
    pub(super) user_id: Id,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) version: i64,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = order_lines, check_for_backend(Sqlite))]
pub(super) struct LineRow {
    pub(super) order_id: Id,
    line: i64,
    product_id: Id,
    sku: String,
    name: String,
    quantity: i64,
    unit_amount: i64,
    line_amount: i64,
}

#[derive(Insertable)]
#[diesel(table_name = order_lines, treat_none_as_default_value = false)]
pub(super) struct NewLine<'a> {
    order_id: Id,
    line: i64,
    product_id: Id,
    sku: &'a str,
    name: &'a str,
    quantity: i64,
    unit_amount: i64,
    line_amount: i64,
}

impl<'a> NewLine<'a> {
    pub(super) fn new(order: OrderId, place: i64, line: &'a OrderLine) -> Self {
        Self {
            order_id: Id(order.0),
            line: place,
            product_id: Id(line.product.0),
            sku: line.sku.as_str(),
            name: line.name.as_str(),
            quantity: i64::from(line.quantity.get()),
            unit_amount: line.unit_price.amount(),
            line_amount: line.line_total.amount(),
        }
    }
}

impl From<&Order> for OrderRow {
    fn from(order: &Order) -> Self {
        Self {
            id: Id(order.id.0),
            user_id: Id(order.user.0),
            status: order.status.as_str().to_owned(),
            amount: order.total.amount(),
            currency: order.total.currency().to_string(),
            version: order.version.0,
            created_at: order.created_at.timestamp_millis(),
            updated_at: order.updated_at.timestamp_millis(),
        }
    }
}

impl OrderRow {
    /// The order that has these lines.
    pub(super) fn with(self, lines: Vec<LineRow>) -> Result<Order, Fault> {
        const TABLE: &str = "orders";
        let id = self.id.0;
        let currency = read(TABLE, "currency", id, self.currency.parse())?;
        Ok(Order {
            id: OrderId(id),
            user: UserId(self.user_id.0),
            status: read(TABLE, "status", id, self.status.parse())?,
            lines: lines.into_iter().map(|line| line.read(currency)).collect::<Result<_, _>>()?,
            total: read(TABLE, "amount", id, Money::new(self.amount, currency))?,
            version: Version(self.version),
            created_at: moment(TABLE, "created_at", id, self.created_at)?,
            updated_at: moment(TABLE, "updated_at", id, self.updated_at)?,
        })
    }
}

impl LineRow {
    fn read(self, currency: Currency) -> Result<OrderLine, Fault> {
        const TABLE: &str = "order_lines";
        let row = format!("{}/{}", self.order_id.0, self.line);
        Ok(OrderLine {
            product: ProductId(self.product_id.0),
            sku: read(TABLE, "sku", &row, Sku::parse(&self.sku))?,
            name: read(TABLE, "name", &row, ProductName::parse(&self.name))?,
            quantity: read(TABLE, "quantity", &row, Quantity::new(self.quantity))?,
            unit_price: read(TABLE, "unit_amount", &row, Money::new(self.unit_amount, currency))?,
            line_total: read(TABLE, "line_amount", &row, Money::new(self.line_amount, currency))?,
        })
    }
}

/// The lines of some orders, those of one order together and in order.
pub(super) fn lines_of(connection: &mut SqliteConnection, orders: &[Id]) -> Result<Vec<LineRow>, Fault> {
    order_lines::table
        .filter(order_lines::order_id.eq_any(orders))
        .order((order_lines::order_id, order_lines::line))
        .select(LineRow::as_select())
        .load(connection)
        .map_err(fault)
}

/// An order with its lines.
pub(super) fn find(connection: &mut SqliteConnection, id: OrderId) -> Result<Option<Order>, Fault> {
    let row: Option<OrderRow> = orders::table
        .filter(orders::id.eq(Id(id.0)))
        .select(OrderRow::as_select())
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    let Some(row) = row else { return Ok(None) };
    let lines = order_lines::table
        .filter(order_lines::order_id.eq(row.id))
        .order(order_lines::line)
        .select(LineRow::as_select())
        .load(connection)
        .map_err(fault)?;
    row.with(lines).map(Some)
}
