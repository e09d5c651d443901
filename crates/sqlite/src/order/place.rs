//! Places orders, in the writer's transaction.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection,
    connection::DefaultLoadingMode,
    delete, insert_into,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{BigInt, Binary},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, OrderId, Timestamp, UserId,
    event::placed,
    order::{Idempotency, Order, PlaceError, Placed, Placement},
};

use super::row::{NewLine, OrderRow, find};
use crate::{
    error::{broken_row, fault},
    event, product,
    schema::{idempotency_keys, order_lines, orders},
    value::Id,
};

/// The number of expired keys that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_KEYS: usize = 4;

pub(super) fn place(connection: &mut SqliteConnection, placement: &Placement) -> Result<Placed, PlaceError> {
    let draft = &placement.draft;
    if let Some(idempotency) = &placement.idempotency {
        sweep(connection, draft.at)?;
        if let Some(order) = find_placed(connection, draft.user, idempotency, draft.at)? {
            return Ok(Placed { order, replayed: true });
        }
    }
    let mut shelf = Vec::with_capacity(draft.basket.lines().len());
    for line in draft.basket.lines() {
        shelf.extend(product::find(connection, line.product)?);
    }
    let order = Order::place(draft, &shelf)?;
    take_stock(connection, &order)?;
    insert(connection, &order)?;
    event::created(connection, &order)?;
    let mut before = shelf.iter().map(|product| (product.id, product.stock, product.version)).collect();
    event::write(connection, order.created_at, &placed(&order, &mut before))?;
    if let Some(idempotency) = &placement.idempotency {
        insert_key(connection, &order, idempotency)?;
    }
    Ok(Placed { order, replayed: false })
}

fn sweep(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), Fault> {
    let expired: Vec<(Id, String)> = idempotency_keys::table
        .filter(idempotency_keys::expires_at.le(now.timestamp_millis()))
        .select((idempotency_keys::user_id, idempotency_keys::key))
        .load_iter::<(Id, String), DefaultLoadingMode>(connection)
        .and_then(|keys| keys.take(MAX_SWEPT_KEYS).collect())
        .map_err(fault)?;
    for (user, key) in expired {
        delete(idempotency_keys::table.find((user, key))).execute(connection).map_err(fault)?;
    }
    Ok(())
}

/// The order that was placed with this key, as it was placed.
fn find_placed(
    connection: &mut SqliteConnection,
    user: UserId,
    idempotency: &Idempotency,
    now: Timestamp,
) -> Result<Option<Order>, PlaceError> {
    let row = idempotency_keys::table.find((Id(user.0), idempotency.key.as_str()));
    let found: Option<(Vec<u8>, Id, i64)> = row
        .select((idempotency_keys::fingerprint, idempotency_keys::order_id, idempotency_keys::expires_at))
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    let Some((fingerprint, order, expires_at)) = found else { return Ok(None) };
    if expires_at <= now.timestamp_millis() {
        delete(row).execute(connection).map_err(fault)?;
        return Ok(None);
    }
    if fingerprint != idempotency.fingerprint.0 {
        return Err(PlaceError::KeyReused);
    }
    let order = find(connection, OrderId(order.0))?
        .ok_or_else(|| broken_row("idempotency_keys", "order_id", order.0, "names no order"))?;
    Ok(Some(order.as_placed()))
}

fn insert_key(connection: &mut SqliteConnection, order: &Order, idempotency: &Idempotency) -> Result<(), Fault> {
    insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::user_id.eq(Id(order.user.0)),
            idempotency_keys::key.eq(idempotency.key.as_str()),
            idempotency_keys::fingerprint.eq(idempotency.fingerprint.0.as_slice()),
            idempotency_keys::order_id.eq(Id(order.id.0)),
            idempotency_keys::expires_at.eq(idempotency.expires_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

fn take_stock(connection: &mut SqliteConnection, order: &Order) -> Result<(), Fault> {
    let at = order.created_at.timestamp_millis();
    for line in &order.lines {
        let take = TakeStock { product: Id(line.product.0), quantity: i64::from(line.quantity.get()), at };
        let taken = take.execute(connection).map_err(fault)?;
        if taken != 1 {
            return Err(broken_row("products", "id", line.product.0, "was there a moment ago"));
        }
    }
    Ok(())
}

/// Takes a quantity of a product. A custom query, because Diesel prepares an `update` at every call, which would cost
/// more than the update.
#[derive(QueryId)]
struct TakeStock {
    product: Id,
    quantity: i64,
    at: i64,
}

impl QueryFragment<Sqlite> for TakeStock {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("UPDATE products SET stock = stock - ");
        out.push_bind_param::<BigInt, _>(&self.quantity)?;
        out.push_sql(", version = version + 1, updated_at = ");
        out.push_bind_param::<BigInt, _>(&self.at)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Binary, _>(&self.product)
    }
}

impl RunQueryDsl<SqliteConnection> for TakeStock {}

fn insert(connection: &mut SqliteConnection, order: &Order) -> Result<(), Fault> {
    insert_into(orders::table).values(OrderRow::from(order)).execute(connection).map_err(fault)?;
    for (place, line) in (0..).zip(&order.lines) {
        insert_into(order_lines::table)
            .values(NewLine::new(order.id, place, line))
            .execute(connection)
            .map_err(fault)?;
    }
    Ok(())
}
