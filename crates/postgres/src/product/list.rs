//! Lists of products.

use diesel::{
    ExpressionMethods, QueryDsl, SelectableHelper,
    dsl::{AsSelect, Select, count_star},
    pg::Pg,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    product::{Product, ProductFilter, ProductQuery, ProductSort},
    search_words,
};

use super::row::ProductRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::contains,
    schema::products,
};

const fn column(field: ProductSort) -> &'static str {
    match field {
        ProductSort::Name => "name",
        ProductSort::Price => "amount",
        ProductSort::Sku => "sku",
        ProductSort::CreatedAt => "created_at",
    }
}

fn filtered(filter: &ProductFilter) -> products::BoxedQuery<'_, Pg> {
    let mut query = products::table.filter(products::archived_at.is_null()).into_boxed();
    for word in filter.search.iter().flat_map(|search| search_words(search)) {
        query = query.filter(contains(products::search, &word));
    }
    query = match filter.in_stock {
        Some(true) => query.filter(products::stock.gt(0)),
        Some(false) => query.filter(products::stock.eq(0)),
        None => query,
    };
    if let Some(least) = filter.min_price {
        query = query.filter(products::amount.ge(least));
    }
    if let Some(most) = filter.max_price {
        query = query.filter(products::amount.le(most));
    }
    query
}

/// The rows of the window, and one more.
fn shown(query: &ProductQuery) -> Select<products::BoxedQuery<'_, Pg>, AsSelect<ProductRow, Pg>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(ProductRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) async fn list(connection: &mut AsyncPgConnection, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
    let total = match query.window {
        Window::Page { .. } => {
            Some(filtered(&query.filter).select(count_star()).get_result(connection).await.map_err(fault)?)
        }
        Window::After { .. } => None,
    };
    let rows: Vec<ProductRow> = shown(query).load(connection).await.map_err(fault)?;
    Listing::try_from_rows(rows, &query.window, total)
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{Direction, Keyset, Limit, Sort, SortField, SortValue};
    use entrepot_testkit::{at, id};

    use super::*;
    use crate::listing::tests::{filled, plan_of};

    /// Twenty thousand products, and what the planner wants to know of them.
    const PRODUCTS: &str = "
        INSERT INTO products SELECT gen_random_uuid(), 'S' || i, 'N' || (i / 2), '', i / 2, 'GBP', i % 3, '', 1,
            to_timestamp(1767225600 + i / 2), to_timestamp(1767225600 + i / 2), NULL FROM generate_series(1, 20000) i;
        ANALYZE;";

    /// In the order of each key, both ways, from the beginning and from a place.
    fn queries() -> Vec<ProductQuery> {
        let mut queries = Vec::new();
        for (_, field) in ProductSort::ALL {
            for way in [Direction::Ascending, Direction::Descending] {
                let value = match field {
                    ProductSort::Name => SortValue::Text("N5".to_owned()),
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
            let plan = plan_of(&mut connection, shown(&query)).await;
            assert!(plan.contains("Index Scan") && plan.contains("using products_by_"), "{query:?}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Sort"), "{query:?}: {plan}");
        }
    }
}
