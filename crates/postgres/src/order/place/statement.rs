//! The statement that places orders.

use std::iter::repeat_n;

use diesel::{
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Binary, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use entrepot_domain::{Timestamp, order::Placement};
use uuid::Uuid;

/// What a connection that places orders is told once.
///
/// Planning the statement takes longer than running it, so it is planned for good. What arrays hold cannot be known
/// then: nothing is joined in nested loops, which a guess of ten rows would ask for and a thousand would regret, no
/// table is read from end to end, and products are found in the order in which they are locked, not sorted for it.
pub(super) const PLANNING: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_nestloop", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("jit", "off"),
];

/// The kinds of events of an order that is placed: `order.created` and `product.stock_changed`.
const EVENT_KINDS: i64 = 33;

/// Places several orders, all of them or none.
///
/// One round trip and one commit: it locks the products in the order of their identifiers, looks whether everything is
/// in order, takes the stock, writes orders, lines, events and idempotency keys, and returns the products as they were
/// before. Whoever finds `ok` false knows that nothing was changed, and decides in Rust what to say of each order. The
/// locks make that decision a true one: these were the products at that moment.
///
/// Each step of a plan costs all orders, whether it finds much or little to do. So whatever is known beforehand comes
/// with the lines: which order they are of, and how many of the product all orders take. Then everything that may be
/// wrong with products is found where the lines of an order are added up.
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
    /// Of each line: its order, its place there, from 0 on, what, how many, and how many all orders take of that.
    line_orders: Vec<Uuid>,
    line_places: Vec<i64>,
    line_products: Vec<Uuid>,
    line_quantities: Vec<i64>,
    line_wanted: Vec<i64>,
    /// Of each order that has a key: whose it is, and what is kept.
    key_users: Vec<Uuid>,
    keys: Vec<String>,
    fingerprints: Vec<Vec<u8>>,
    key_orders: Vec<Uuid>,
    expiries: Vec<Timestamp>,
}

/// A product that was asked for and is for sale: id, sku, name, amount, currency, stock; and whether the orders were
/// placed.
pub(super) type LockedProduct = (Uuid, String, String, i64, String, i64, bool);

impl PlaceOrders {
    pub(super) fn new<'a>(placements: impl IntoIterator<Item = &'a Placement>) -> Self {
        let mut all = Self::default();
        for placement in placements {
            let draft = &placement.draft;
            all.orders.push(draft.id.0);
            all.users.push(draft.user.0);
            all.placed_at.push(draft.at);
            all.at = all.at.max(draft.at);
            let lines = draft.basket.lines();
            all.line_orders.extend(repeat_n(draft.id.0, lines.len()));
            all.line_places.extend((0..).take(lines.len()));
            all.line_products.extend(lines.iter().map(|line| line.product.0));
            all.line_quantities.extend(lines.iter().map(|line| i64::from(line.quantity.get())));
            if let Some(idempotency) = &placement.idempotency {
                all.key_users.push(draft.user.0);
                all.keys.push(idempotency.key.as_str().to_owned());
                all.fingerprints.push(idempotency.fingerprint.0.to_vec());
                all.key_orders.push(draft.id.0);
                all.expiries.push(idempotency.expires_at);
            }
        }
        all.add_up();
        all
    }

    /// Sums up the quantity of each product over all lines.
    fn add_up(&mut self) {
        let lines = self.line_products.iter().zip(&self.line_quantities).enumerate();
        let mut lines: Vec<_> = lines.map(|(place, (product, quantity))| (*product, *quantity, place)).collect();
        lines.sort_unstable();
        self.line_wanted.resize(lines.len(), 0);
        for same in lines.chunk_by(|one, other| one.0 == other.0) {
            let wanted = same.iter().map(|(_, quantity, _)| quantity).sum();
            self.products.extend(same.first().map(|(product, ..)| *product));
            self.wanted.push(wanted);
            self.times.push(i64::try_from(same.len()).unwrap_or(i64::MAX));
            for (.., place) in same {
                if let Some(of_line) = self.line_wanted.get_mut(*place) {
                    *of_line = wanted;
                }
            }
        }
    }
}

impl QueryFragment<Pg> for PlaceOrders {
    /// The first parameter is the products, and the second the orders of the lines, because both are used several
    /// times.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "WITH held AS MATERIALIZED (
                SELECT id, sku, name, amount, currency, stock, version, archived_at FROM products WHERE id = ANY(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.products)?;
        out.push_sql(
            ") ORDER BY id FOR NO KEY UPDATE
            ), line AS MATERIALIZED (
                SELECT l.order_id, l.line, l.quantity, h.id, h.sku, h.name, h.amount, h.currency,
                    h.stock >= l.wanted AS there
                FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.line_orders)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.line_places)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.line_products)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.line_quantities)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.line_wanted)?;
        out.push_sql(
            ") AS l (order_id, line, product, quantity, wanted)
                JOIN held h ON h.id = l.product AND h.archived_at IS NULL
            ), bill AS MATERIALIZED (
                SELECT order_id AS id, sum(amount::numeric * quantity) AS amount, min(currency) AS currency,
                    max(currency) AS other, count(*) FILTER (WHERE there) AS lines
                FROM line GROUP BY order_id
            ), head AS MATERIALIZED (
                SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.orders)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.placed_at)?;
        out.push_sql(
            ") AS h (id, user_id, at)
            ), keyed AS MATERIALIZED (
                SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.key_users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.fingerprints)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.key_orders)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.expiries)?;
        out.push_sql(
            ") AS k (user_id, key, fingerprint, order_id, expires_at)
            ), decision AS MATERIALIZED (
                SELECT coalesce((
                    SELECT sum(lines) = cardinality($2) AND bool_and(currency = other AND amount <= 9007199254740991)
                    FROM bill
                ), false) AND NOT EXISTS (
                    SELECT FROM keyed n
                    WHERE (SELECT true FROM idempotency_keys k WHERE k.user_id = n.user_id AND k.key = n.key)
                ) AS ok
            ), taken AS (
                UPDATE products p SET stock = p.stock - w.quantity, version = p.version + w.times, updated_at = ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(" FROM unnest($1, ");
        out.push_bind_param::<Array<BigInt>, _>(&self.wanted)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql(
            ") AS w (id, quantity, times) WHERE p.id = w.id AND (SELECT ok FROM decision) AND p.id = ANY($1)
            ), placed AS (
                INSERT INTO orders (id, user_id, status, amount, currency, version, created_at, updated_at)
                SELECT h.id, h.user_id, 'pending', b.amount, b.currency, 1, h.at, h.at
                FROM head h JOIN bill b USING (id) WHERE (SELECT ok FROM decision)
            ), written AS (
                INSERT INTO order_lines (order_id, line, product_id, sku, name, quantity, unit_amount, line_amount)
                SELECT order_id, line, id, sku, name, quantity, amount, amount * quantity
                FROM line WHERE (SELECT ok FROM decision)
            ), logged AS (
                INSERT INTO events (kind, order_id, actor_id, status_to, at)
                SELECT 'order.created', id, user_id, 'pending', at FROM head WHERE (SELECT ok FROM decision)
            ), told AS (
                INSERT INTO event_log (kinds, at, orders, products, stocks, versions)
                SELECT ",
        );
        out.push_bind_param::<BigInt, _>(&EVENT_KINDS)?;
        out.push_sql(", ");
        out.push_bind_param::<Timestamptz, _>(&self.at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.orders)?;
        out.push_sql(
            ", array_agg(id), array_agg(stock), array_agg(version)
                FROM held HAVING (SELECT ok FROM decision)
            ), remembered AS (
                INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, expires_at)
                SELECT user_id, key, fingerprint, order_id, expires_at FROM keyed WHERE (SELECT ok FROM decision)
            ) SELECT id, sku, name, amount, currency, stock, (SELECT ok FROM decision) FROM held
            WHERE archived_at IS NULL",
        );
        Ok(())
    }
}

impl Query for PlaceOrders {
    type SqlType = (SqlUuid, Text, Text, BigInt, Text, BigInt, Bool);
}
