//! Lists of orders.

use diesel::{
    ExpressionMethods, QueryDsl, SelectableHelper,
    dsl::{Select, count_star, sql},
    pg::Pg,
    sql_types::{Array, BigInt, Bool, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    order::{Order, OrderFilter, OrderQuery, OrderSort},
};
use uuid::Uuid;

use super::row::{LineRow, OrderRow};
use crate::{
    error::fault,
    keyset::{after, order},
    listing::counted,
    schema::{order_lines, orders},
};

const fn column(field: OrderSort) -> &'static str {
    match field {
        OrderSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &OrderFilter) -> orders::BoxedQuery<'_, Pg> {
    let mut query = orders::table.into_boxed();
    if let Some(user) = filter.user {
        query = query.filter(orders::user_id.eq(user.0));
    }
    if let Some(status) = filter.status {
        query = query.filter(orders::status.eq(status.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(orders::created_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(orders::created_at.le(to));
    }
    query
}

/// A line with its order, and the count of all orders if it was requested.
type LineOfOrder = (OrderRow, Option<LineRow>, Option<i64>);

/// The row of an order with the rows of its lines.
struct Whole {
    order: OrderRow,
    lines: Vec<LineRow>,
}

impl TryFrom<Whole> for Order {
    type Error = Fault;

    fn try_from(Whole { order, lines }: Whole) -> Result<Self, Fault> {
        order.with(lines)
    }
}

/// Selects the identifiers of the window, and one more.
fn shown(query: &OrderQuery) -> Select<orders::BoxedQuery<'_, Pg>, orders::id> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(orders::id).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
    let count = || filtered(&query.filter).select(count_star());
    let rows = orders::table
        .left_join(order_lines::table)
        .filter(orders::id.eq_any(shown(query)))
        .order((order(&SortColumns::of(&query.sort, column)), order_lines::line));
    let (order, line) = (OrderRow::as_select(), Option::<LineRow>::as_select());
    let rows: Vec<LineOfOrder> = if let Window::Page { .. } = query.window {
        rows.select((order, line, count().single_value())).load(connection).await.map_err(fault)?
    } else {
        let rows: Vec<_> = rows.select((order, line)).load(connection).await.map_err(fault)?;
        rows.into_iter().map(|(order, line)| (order, line, None)).collect()
    };
    counted(&query.window, by_order(rows), count().get_result(connection)).await
}

/// The newest orders of each of these users, the newest first.
pub(super) async fn latest_of(
    connection: &mut AsyncPgConnection,
    users: &[Uuid],
    count: u32,
) -> Result<Vec<Order>, Fault> {
    let latest = sql::<Bool>("orders.id IN (SELECT latest.id FROM unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql(") AS asked (user_id) CROSS JOIN LATERAL (SELECT own.id FROM orders AS own WHERE own.user_id = asked.user_id \
             ORDER BY own.created_at DESC, own.id DESC LIMIT ")
        .bind::<BigInt, _>(i64::from(count))
        .sql(") AS latest)");
    let rows: Vec<(OrderRow, Option<LineRow>)> = orders::table
        .left_join(order_lines::table)
        .filter(latest)
        .order((orders::created_at.desc(), orders::id.desc(), order_lines::line))
        .select((OrderRow::as_select(), Option::<LineRow>::as_select()))
        .load(connection)
        .await
        .map_err(fault)?;
    let rows = rows.into_iter().map(|(order, line)| (order, line, None)).collect();
    by_order(rows).into_iter().map(|(whole, _)| whole.try_into()).collect()
}

/// Groups the lines by order; those of one order are adjacent.
fn by_order(rows: Vec<LineOfOrder>) -> Vec<(Whole, Option<i64>)> {
    let mut orders: Vec<(Whole, Option<i64>)> = Vec::new();
    for (order, line, total) in rows {
        match orders.last_mut() {
            Some((last, _)) if last.order.id == order.id => last.lines.extend(line),
            _ => orders.push((Whole { order, lines: line.into_iter().collect() }, total)),
        }
    }
    orders
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{Keyset, Limit, Sort, SortValue, order::OrderStatus};
    use entrepot_testkit::{at, id, user_id};

    use super::*;
    use crate::listing::tests::{filled, pages_for, plan_of};

    /// A hundred buyers and fifty thousand orders, and what the planner wants to know of them.
    const ORDERS: &str = "
        INSERT INTO users SELECT lpad(i::text, 32, '0')::uuid, 'U', 'u' || i || '@x.io', 'u' || i || '@x.io', 'p', 1, false, '',
            1, now(), now(), NULL FROM generate_series(1, 100) i;
        INSERT INTO orders SELECT gen_random_uuid(), lpad((1 + i % 100)::text, 32, '0')::uuid,
            (ARRAY['pending', 'paid', 'shipped'])[1 + i % 3], 1, 'GBP', 1, to_timestamp(1767225600 + i / 2),
            to_timestamp(1767225600 + i / 2) FROM generate_series(1, 50000) i;
        ANALYZE;";

    /// With filters by user, by status and by both, with and without a time, in both directions.
    fn queries() -> Vec<OrderQuery> {
        let limit = Limit::default();
        let place = Some(Keyset { values: vec![SortValue::Time(at(20_000))], id: id(5) });
        let mut queries = Vec::new();
        for user in [None, Some(user_id(1))] {
            for status in [None, Some(OrderStatus::Paid)] {
                for time in [None, Some(at(100))] {
                    for sort in ["-createdAt", "createdAt"].map(|text| Sort::parse(text).unwrap()) {
                        for place in [None, place.clone()] {
                            let filter = OrderFilter { user, status, from: time, to: None };
                            let window = Window::After { place, limit };
                            queries.push(OrderQuery { filter, sort: sort.clone(), window });
                        }
                    }
                }
            }
        }
        queries
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_list_follows_an_index_and_sorts_nothing() {
        let (mut connection, _database) = filled(ORDERS).await;
        for query in queries() {
            let plan = plan_of(&mut connection, shown(&query)).await;
            assert!(plan.contains(" using orders_by_"), "{query:?}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{query:?}: {plan}");
        }
    }

    /// With a cursor; a page number requires a count.
    #[tokio::test(flavor = "multi_thread")]
    async fn page_cost_does_not_depend_on_depth() {
        let (mut connection, _database) = filled(ORDERS).await;
        for user in [None, Some(user_id(1))] {
            let mut costs = Vec::new();
            for seconds in [24_999, 12_500, 100] {
                let place = Some(Keyset { values: vec![SortValue::Time(at(seconds))], id: id(5) });
                let query = OrderQuery {
                    filter: OrderFilter { user, ..OrderFilter::default() },
                    sort: Sort::parse("-createdAt").unwrap(),
                    window: Window::After { place, limit: Limit::default() },
                };
                costs.push(pages_for(&mut connection, shown(&query)).await);
            }
            let [first, middle, last] = costs.as_slice() else { panic!("{costs:?}") };
            assert!(*first > 0 && *middle <= first * 3 / 2 && *last <= first * 3 / 2, "{user:?}: {costs:?}");
        }
    }
}
