//! Lists of orders.

use std::collections::HashMap;

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star, sql},
    sql_types::{BigInt, Bool, Text},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, SortColumns, UserId, Window,
    order::{Order, OrderFilter, OrderQuery, OrderSort},
};

use super::row::{LineRow, OrderRow, lines_of};
use crate::{
    error::fault,
    keyset::{after, order},
    listing::snapshot,
    schema::orders,
    value::Id,
};

const fn column(field: OrderSort) -> &'static str {
    match field {
        OrderSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &OrderFilter) -> orders::BoxedQuery<'_, Sqlite> {
    let mut query = orders::table.into_boxed();
    if let Some(user) = filter.user {
        query = query.filter(orders::user_id.eq(Id(user.0)));
    }
    if let Some(status) = filter.status {
        query = query.filter(orders::status.eq(status.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(orders::created_at.ge(from.timestamp_millis()));
    }
    if let Some(to) = filter.to {
        query = query.filter(orders::created_at.le(to.timestamp_millis()));
    }
    query
}

/// The row of an order with the rows of its lines.
struct Whole(OrderRow, Vec<LineRow>);

impl TryFrom<Whole> for Order {
    type Error = Fault;

    fn try_from(Whole(order, lines): Whole) -> Result<Self, Fault> {
        order.with(lines)
    }
}

/// Returns the rows of the window, and one more.
fn shown(query: &OrderQuery) -> Select<orders::BoxedQuery<'_, Sqlite>, AsSelect<OrderRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(OrderRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) fn list(connection: &mut SqliteConnection, query: &OrderQuery) -> Result<Listing<Order>, Fault> {
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let rows: Vec<OrderRow> = shown(query).load(connection).map_err(fault)?;
        Listing::try_from_rows(with_lines(connection, rows)?, &query.window, total)
    })
}

/// The newest orders of each of these users, the newest first.
pub(super) fn latest_of(connection: &mut SqliteConnection, users: &[UserId], count: u32) -> Result<Vec<Order>, Fault> {
    let users: Vec<String> = users.iter().map(|user| format!("\"{}\"", user.0.simple())).collect();
    // The cross join is followed as it is written: the users first.
    let latest = sql::<Bool>("orders.id IN (SELECT latest.id FROM json_each(")
        .bind::<Text, _>(format!("[{}]", users.join(",")))
        .sql(
            ") AS asked CROSS JOIN orders AS latest WHERE latest.id IN (SELECT own.id FROM orders AS own \
             WHERE own.user_id = unhex(asked.value) ORDER BY own.created_at DESC, own.id DESC LIMIT ",
        )
        .bind::<BigInt, _>(i64::from(count))
        .sql("))");
    snapshot(connection, |connection| {
        let rows = orders::table.filter(latest).order((orders::created_at.desc(), orders::id.desc()));
        let rows: Vec<OrderRow> = rows.select(OrderRow::as_select()).load(connection).map_err(fault)?;
        with_lines(connection, rows)?.into_iter().map(Order::try_from).collect()
    })
}

fn with_lines(connection: &mut SqliteConnection, orders: Vec<OrderRow>) -> Result<Vec<Whole>, Fault> {
    let ids: Vec<Id> = orders.iter().map(|order| order.id).collect();
    let mut lines: HashMap<Id, Vec<LineRow>> = HashMap::new();
    for line in lines_of(connection, &ids)? {
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
    use diesel::{connection::SimpleConnection, debug_query};
    use entrepot_domain::{Keyset, Limit, Sort, SortValue, order::OrderStatus};
    use entrepot_testkit::{at, id, user_id};

    use super::*;
    use crate::{SqliteOptions, SqliteStore, listing::plan_of};

    /// Twenty buyers and two thousand orders, two of each moment, and what the planner wants to know of them.
    const ORDERS: &str = "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
        INSERT INTO users SELECT CAST(printf('%016d', i) AS BLOB), 'U', 'u' || i || '@x.io', 'u' || i || '@x.io', 'p', 1,
            0, '', 1, 0, 0, NULL FROM n;
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
        INSERT INTO orders SELECT CAST(printf('%016d', i) AS BLOB), CAST(printf('%016d', i % 20) AS BLOB),
            CASE i % 3 WHEN 0 THEN 'pending' WHEN 1 THEN 'paid' ELSE 'shipped' END, 1, 'GBP', 1, i / 2, i / 2 FROM n;
        ANALYZE;";

    /// With filters by user, by status and by both, with and without a time, in both directions.
    fn queries() -> Vec<OrderQuery> {
        let limit = Limit::default();
        let place = Some(Keyset { values: vec![SortValue::Time(at(5))], id: id(5) });
        let mut queries = Vec::new();
        for user in [None, Some(user_id(1))] {
            for status in [None, Some(OrderStatus::Paid)] {
                for time in [None, Some(at(1))] {
                    for sort in ["-createdAt", "createdAt"].map(|text| Sort::parse(text).unwrap()) {
                        for place in [None, place.clone()] {
                            let filter = OrderFilter { user, status, from: time, to: time };
                            let window = Window::After { place, limit };
                            queries.push(OrderQuery { filter, sort: sort.clone(), window });
                        }
                    }
                }
            }
        }
        queries
    }

    #[tokio::test]
    async fn every_list_follows_an_index_and_sorts_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        for content in ["", ORDERS] {
            store.write(move |connection| connection.batch_execute(content).map_err(fault)).await.unwrap();
            for query in queries() {
                let asked = format!("{query:?}");
                // `Debug` appends the values as a comment.
                let sql = debug_query::<Sqlite, _>(&shown(&query)).to_string();
                let plan = store.read(move |connection| plan_of(connection, sql)).await.unwrap();
                assert!(plan.contains("SEARCH") || !asked.contains("Some"), "{asked}: {plan}");
                assert!(plan.contains("USING INDEX orders_by_"), "{asked}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{asked}: {plan}");
            }
        }
    }
}
