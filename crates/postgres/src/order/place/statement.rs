//! The statement that places orders.

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Binary, Bool, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use entrepot_domain::{Timestamp, order::Placement};
use uuid::Uuid;

/// What a connection that places orders is told once.
///
/// Planning the statement takes longer than running it, so it is planned for good. What arrays hold cannot be known
/// then: nothing is joined in nested loops, which a guess of ten rows would ask for and a thousand would regret, and no
/// table is read from end to end.
pub(super) const PLANNING: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_nestloop", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("jit", "off"),
];

/// Places several orders, all of them or none.
///
/// One round trip and one commit: it locks the products in the order of their identifiers, looks whether everything is
/// in order, takes the stock, writes orders, lines, events and idempotency keys, and returns the products as they were
/// before. Whoever finds `ok` false knows that nothing was changed, and decides in Rust what to say of each order. The
/// locks make that decision a true one: these were the products at that moment.
///
/// Whether a key is used is asked by a scalar subquery: of an `EXISTS`, PostgreSQL would make a hash of all keys there
/// are, as long as it has no statistics of a new table.
///
/// A type of its own, whose static [`QueryId`] names the prepared statement: nothing is parsed at a call.
#[derive(QueryId, Default)]
pub(super) struct PlaceOrders {
    /// Each product once, in order.
    products: Vec<Uuid>,
    /// How many of it all orders take, and how many orders do.
    wanted: Vec<i64>,
    times: Vec<i64>,
    at: Timestamp,
    orders: Vec<Uuid>,
    users: Vec<Uuid>,
    placed_at: Vec<Timestamp>,
    /// Of each line: the place of its order in `orders`, from 1 on, its own in the order, from 0 on, what, and how many.
    line_orders: Vec<i32>,
    line_places: Vec<i64>,
    line_products: Vec<Uuid>,
    line_quantities: Vec<i64>,
    /// Of each order that has a key: its place, and what is kept.
    keyed: Vec<i32>,
    key_users: Vec<Uuid>,
    keys: Vec<String>,
    fingerprints: Vec<Vec<u8>>,
    expiries: Vec<Timestamp>,
}

/// A product that was asked for and is for sale: id, sku, name, amount, currency, stock; and whether the orders were
/// placed.
pub(super) type ShelfRow = (Uuid, String, String, i64, String, i64, bool);

impl PlaceOrders {
    pub(super) fn new<'a>(placements: impl IntoIterator<Item = &'a Placement>) -> Self {
        let mut all = Self::default();
        let mut wanted = Vec::new();
        for (order, placement) in (1..).zip(placements) {
            let draft = &placement.draft;
            all.orders.push(draft.id.0);
            all.users.push(draft.user.0);
            all.placed_at.push(draft.at);
            all.at = all.at.max(draft.at);
            for (place, line) in (0..).zip(draft.basket.lines()) {
                all.line_orders.push(order);
                all.line_places.push(place);
                all.line_products.push(line.product.0);
                all.line_quantities.push(i64::from(line.quantity.get()));
                wanted.push((line.product.0, i64::from(line.quantity.get())));
            }
            if let Some(idempotency) = &placement.idempotency {
                all.keyed.push(order);
                all.key_users.push(draft.user.0);
                all.keys.push(idempotency.key.as_str().to_owned());
                all.fingerprints.push(idempotency.fingerprint.0.to_vec());
                all.expiries.push(idempotency.expires_at);
            }
        }
        wanted.sort_unstable();
        for same in wanted.chunk_by(|one, other| one.0 == other.0) {
            all.products.extend(same.first().map(|(product, _)| *product));
            all.wanted.push(same.iter().map(|(_, quantity)| quantity).sum());
            all.times.push(i64::try_from(same.len()).unwrap_or(i64::MAX));
        }
        all
    }
}

impl QueryFragment<Pg> for PlaceOrders {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH held AS MATERIALIZED (
                SELECT id, sku, name, amount, currency, stock, archived_at FROM products WHERE id = ANY(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.products)?;
        out.push_sql(
            ") ORDER BY id FOR NO KEY UPDATE
            ), shelf AS MATERIALIZED (
                SELECT * FROM held WHERE archived_at IS NULL
            ), want AS MATERIALIZED (
                SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.products)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.wanted)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql(
            ") AS w (id, quantity, times)
            ), line AS MATERIALIZED (
                SELECT l.place, l.line, l.quantity, s.id, s.sku, s.name, s.amount, s.currency FROM unnest(",
        );
        out.push_bind_param::<Array<Integer>, _>(&self.line_orders)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.line_places)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.line_products)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.line_quantities)?;
        out.push_sql(
            ") AS l (place, line, product, quantity) JOIN shelf s ON s.id = l.product
            ), bill AS MATERIALIZED (
                SELECT place, sum(amount::numeric * quantity) AS amount, min(currency) AS currency, max(currency) AS other
                FROM line GROUP BY place
            ), head AS MATERIALIZED (
                SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.orders)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.placed_at)?;
        out.push_sql(
            ") WITH ORDINALITY AS h (id, user_id, at, place)
            ), used AS MATERIALIZED (
                SELECT (SELECT true FROM idempotency_keys k WHERE k.user_id = u.id AND k.key = u.key) AS used
                FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.key_users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(
            ") AS u (id, key)
            ), verdict AS MATERIALIZED (
                SELECT (SELECT count(*) FROM shelf) = (SELECT count(*) FROM want)
                    AND NOT EXISTS (SELECT FROM shelf JOIN want USING (id) WHERE stock < quantity)
                    AND NOT EXISTS (SELECT FROM bill WHERE currency <> other OR amount > 9223372036854775807)
                    AND NOT EXISTS (SELECT FROM used WHERE used) AS ok
            ), taken AS (
                UPDATE products p SET stock = p.stock - w.quantity, version = p.version + w.times, updated_at = ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(" FROM want w WHERE p.id = w.id AND (SELECT ok FROM verdict) AND p.id = ANY(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.products)?;
        out.push_sql(
            ")
            ), placed AS (
                INSERT INTO orders (id, user_id, status, amount, currency, version, created_at, updated_at)
                SELECT h.id, h.user_id, 'pending', b.amount, b.currency, 1, h.at, h.at
                FROM head h JOIN bill b USING (place) WHERE (SELECT ok FROM verdict)
            ), written AS (
                INSERT INTO order_lines (order_id, line, product_id, sku, name, quantity, unit_amount, line_amount)
                SELECT h.id, l.line, l.id, l.sku, l.name, l.quantity, l.amount, l.amount * l.quantity
                FROM line l JOIN head h USING (place) WHERE (SELECT ok FROM verdict)
            ), logged AS (
                INSERT INTO events (kind, order_id, actor_id, status_to, at)
                SELECT 'order.created', id, user_id, 'pending', at FROM head WHERE (SELECT ok FROM verdict)
            ), remembered AS (
                INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, expires_at)
                SELECT h.user_id, k.key, k.fingerprint, h.id, k.expires_at FROM unnest(",
        );
        out.push_bind_param::<Array<Integer>, _>(&self.keyed)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.fingerprints)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.expiries)?;
        out.push_sql(
            ") AS k (place, key, fingerprint, expires_at) JOIN head h USING (place) WHERE (SELECT ok FROM verdict)
            ) SELECT s.id, s.sku, s.name, s.amount, s.currency, s.stock, v.ok FROM shelf s CROSS JOIN verdict v",
        );
        Ok(())
    }
}

impl Query for PlaceOrders {
    type SqlType = (SqlUuid, Text, Text, BigInt, Text, BigInt, Bool);
}
