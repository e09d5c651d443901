//! Lists of orders.

use std::collections::HashMap;

use diesel::{
    ExpressionMethods, QueryDsl, SelectableHelper,
    dsl::{AsSelect, Select, count_star},
    pg::Pg,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    order::{Order, OrderFilter, OrderQuery, OrderSort},
};
use uuid::Uuid;

use super::row::{LineRow, OrderRow, lines_of};
use crate::{
    error::fault,
    keyset::{after, order},
    schema::orders,
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

/// An order's row with the rows of its lines.
struct Whole(OrderRow, Vec<LineRow>);

impl TryFrom<Whole> for Order {
    type Error = Fault;

    fn try_from(Whole(order, lines): Whole) -> Result<Self, Fault> {
        order.with(lines)
    }
}

/// The rows of the window, and one more.
fn shown(query: &OrderQuery) -> Select<orders::BoxedQuery<'_, Pg>, AsSelect<OrderRow, Pg>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(OrderRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
    let total = match query.window {
        Window::Page { .. } => {
            Some(filtered(&query.filter).select(count_star()).get_result(connection).await.map_err(fault)?)
        }
        Window::After { .. } => None,
    };
    let rows: Vec<OrderRow> = shown(query).load(connection).await.map_err(fault)?;
    Listing::try_from_rows(with_lines(connection, rows).await?, &query.window, total)
}

async fn with_lines(connection: &mut AsyncPgConnection, orders: Vec<OrderRow>) -> Result<Vec<Whole>, Fault> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.id).collect();
    let mut lines: HashMap<Uuid, Vec<LineRow>> = HashMap::new();
    for line in lines_of(connection, &ids).await? {
        lines.entry(line.order_id).or_default().push(line);
    }
    Ok(orders
        .into_iter()
        .map(|order| {
            let own = lines.remove(&order.id).unwrap_or_default();
            Whole(order, own)
        })
        .collect())
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

    /// All of them, those of a user, of a status, and of both, with and without a time, both ways.
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
            assert!(plan.contains("Index Scan") && plan.contains("using orders_by_"), "{query:?}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{query:?}: {plan}");
        }
    }

    /// By cursor, that is: whoever counts pages has to count.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_costs_the_same_however_deep_it_is() {
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
