//! Lists of products.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper, dsl::count_star, pg::Pg};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    EXACT_TOTAL, Fault, Listing, SortColumns, Window,
    product::{PriceRange, Product, ProductFilter, ProductQuery, ProductSort},
};

use super::{
    row::ProductRow,
    search::{CountOf, HasWord, expected_rows},
};
use crate::{
    error::fault,
    keyset::{FOLDED_NAME, after, order},
    listing::{self, Explain},
    schema::products,
};

const fn column(field: ProductSort) -> &'static str {
    match field {
        ProductSort::Name => FOLDED_NAME,
        ProductSort::Price => "amount",
        ProductSort::Sku => "sku",
        ProductSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &ProductFilter) -> products::BoxedQuery<'_, Pg> {
    let mut query = products::table.filter(products::archived_at.is_null()).into_boxed();
    for word in filter.words() {
        query = query.filter(HasWord::new(&word));
    }
    query = match filter.in_stock {
        Some(true) => query.filter(products::stock.gt(0)),
        Some(false) => query.filter(products::stock.eq(0)),
        None => query,
    };
    if let Some(PriceRange { currency, min, max }) = filter.prices {
        query = query.filter(products::currency.eq(currency.to_string()));
        if let Some(least) = min {
            query = query.filter(products::amount.ge(least));
        }
        if let Some(most) = max {
            query = query.filter(products::amount.le(most));
        }
    }
    query
}

/// The window, with one row more than it shows.
fn shown(query: &ProductQuery) -> products::BoxedQuery<'_, Pg> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
    let total = match query.window {
        Window::Page { .. } if query.filter.words().is_empty() => return counted(connection, query).await,
        Window::Page { .. } => Some(found(connection, &query.filter).await.map_err(fault)?),
        Window::UncountedPage { .. } | Window::After { .. } => None,
    };
    let rows = shown(query).select(ProductRow::as_select());
    let rows: Vec<ProductRow> = rows.load(connection).await.map_err(fault)?;
    Listing::try_from_rows(rows, &query.window, total)
}

/// A page and its exact count, in one round trip.
async fn counted(connection: &mut AsyncPgConnection, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
    let count = || filtered(&query.filter).select(count_star());
    let rows: Vec<(ProductRow, Option<i64>)> =
        shown(query).select((ProductRow::as_select(), count().single_value())).load(connection).await.map_err(fault)?;
    listing::counted(&query.window, rows, count().get_result(connection)).await
}

/// Counts the products that a search finds, up to a bound; above it the planner estimates the number.
async fn found(connection: &mut AsyncPgConnection, filter: &ProductFilter) -> QueryResult<i64> {
    let found = CountOf(filtered(filter).select(products::id).limit(EXACT_TOTAL + 1));
    let found: i64 = found.get_result(connection).await?;
    if found <= EXACT_TOTAL {
        return Ok(found);
    }
    let plan: Vec<String> = Explain("EXPLAIN ", filtered(filter).select(products::id)).load(connection).await?;
    Ok(expected_rows(&plan).map_or(found, |expected| expected.max(found)))
}

#[cfg(test)]
mod tests {
    use diesel::{dsl::sql, select, sql_types::BigInt};
    use diesel_async::SimpleAsyncConnection;
    use entrepot_domain::{Direction, Keyset, Limit, PageNumber, Sort, SortField, SortValue};
    use entrepot_testkit::{at, id};

    use super::*;
    use crate::listing::tests::{filled, plan_of};

    /// Twenty thousand products, and what the planner wants to know of them.
    const PRODUCTS: &str = "
        INSERT INTO products SELECT gen_random_uuid(), 'S' || i, 'N' || (i / 2), '', i / 2, 'GBP', i % 3, 'n' || (i / 2), 1,
            to_timestamp(1767225600 + i / 2), to_timestamp(1767225600 + i / 2), NULL FROM generate_series(1, 20000) i;
        ANALYZE;";

    /// For each sort key, in both directions, from the beginning and from a cursor.
    fn queries() -> Vec<ProductQuery> {
        let mut queries = Vec::new();
        for (_, field) in ProductSort::ALL {
            for way in [Direction::Ascending, Direction::Descending] {
                let value = match field {
                    ProductSort::Name => SortValue::Text("n5".to_owned()),
                    ProductSort::Sku => SortValue::Text("S5".to_owned()),
                    ProductSort::Price => SortValue::Integer(5_000),
                    ProductSort::CreatedAt => SortValue::Time(at(5_000)),
                };
                for place in [None, Some(Keyset { values: vec![value], id: id(5) })] {
                    let window = Window::After { place, limit: Limit::default() };
                    let filter = ProductFilter::default();
                    queries.push(ProductQuery { filter, sort: Sort::by(*field, way), window });
                }
            }
        }
        queries
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_order_follows_its_index_and_sorts_nothing() {
        let (mut connection, _database) = filled(PRODUCTS).await;
        for query in queries() {
            let plan = plan_of(&mut connection, shown(&query).select(ProductRow::as_select())).await;
            assert!(plan.contains("Index Scan") && plan.contains("using products_by_"), "{query:?}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{query:?}: {plan}");
        }
    }

    /// Twenty thousand mugs with much to say, a third of them blue and none left of them, and a few that are green.
    const MUGS: &str = "
        INSERT INTO products SELECT gen_random_uuid(), 'S' || i, 'Mug' || i, '', i / 2, 'GBP', i % 3, 'mug ' ||
            CASE WHEN i % 3 = 0 THEN 'blue' WHEN i % 1000 = 1 THEN 'green' ELSE 'red' END || E'\\ns' || i || repeat(' xyz', 200), 1,
            to_timestamp(1767225600 + i / 2), to_timestamp(1767225600 + i / 2), NULL FROM generate_series(1, 20000) i;
        ANALYZE;";

    fn search(words: &str, window: Window) -> ProductQuery {
        let filter = ProductFilter { search: Some(words.to_owned()), ..ProductFilter::default() };
        ProductQuery { filter, sort: Sort::by(ProductSort::Price, Direction::Ascending), window }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rare_words_use_the_search_index_and_frequent_words_the_sorted_index() {
        let (mut connection, _database) = filled(MUGS).await;
        // Often enough for the server to switch to a generic plan, if it could.
        for _ in 0..7 {
            for (words, index) in [
                ("green", "products_by_search"),
                ("s19999", "products_by_search"),
                ("mug green", "products_by_search"),
                ("mug", "products_by_amount"),
                ("blue", "products_by_amount"),
            ] {
                let query = search(words, Window::After { place: None, limit: Limit::default() });
                let plan = plan_of(&mut connection, shown(&query).select(ProductRow::as_select())).await;
                assert!(plan.contains(index), "{words}: {plan}");
                assert!(!list(&mut connection, &query).await.unwrap().items.is_empty(), "{words}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_are_estimated_and_fewer_counted() {
        let (mut connection, _database) = filled(MUGS).await;
        let mut total = async |words, in_stock| {
            let mut query = search(words, Window::Page { page: PageNumber::default(), limit: Limit::default() });
            query.filter.in_stock = in_stock;
            list(&mut connection, &query).await.unwrap().total.unwrap()
        };
        assert!((19_000..21_000).contains(&total("mug", None).await));
        assert!((12_000..15_000).contains(&total("mug", Some(true)).await));
        assert_eq!(total("mug", Some(false)).await, 6_666);
        assert_eq!(total("mug green", None).await, 14);
        assert_eq!(total("lu", None).await, 6_666);
        assert_eq!(total("s19999", None).await, 1);
    }

    /// The update is heap-only (HOT), so no index is changed.
    #[tokio::test(flavor = "multi_thread")]
    async fn stock_change_does_not_update_the_index() {
        let (mut connection, _database) = filled(MUGS).await;
        let change =
            "BEGIN; UPDATE products SET stock = stock + 1, version = version + 1, updated_at = now() WHERE sku = 'S7'";
        connection.batch_execute(change).await.unwrap();
        let hot = select(sql::<BigInt>("pg_stat_get_xact_tuples_hot_updated('products'::regclass)"));
        assert_eq!(hot.get_result::<i64>(&mut connection).await.unwrap(), 1);
    }
}
