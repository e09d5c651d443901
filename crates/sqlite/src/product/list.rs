//! Lists of products.

use diesel::{
    ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star},
    sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, SortColumns, Window,
    product::{Product, ProductFilter, ProductQuery, ProductSort},
    search_words,
};

use super::row::ProductRow;
use crate::{
    error::fault,
    keyset::{after, order},
    listing::{instr, snapshot},
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

fn filtered(filter: &ProductFilter) -> products::BoxedQuery<'_, Sqlite> {
    let mut query = products::table.filter(products::archived_at.is_null()).into_boxed();
    for word in filter.search.iter().flat_map(|search| search_words(search)) {
        query = query.filter(instr(products::search, word).gt(0));
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
fn shown(query: &ProductQuery) -> Select<products::BoxedQuery<'_, Sqlite>, AsSelect<ProductRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(ProductRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

pub(super) fn list(connection: &mut SqliteConnection, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let rows: Vec<ProductRow> = shown(query).load(connection).map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}

#[cfg(test)]
mod tests {
    use diesel::{connection::SimpleConnection, debug_query};
    use entrepot_domain::{Direction, Keyset, Limit, Sort, SortField, SortValue};
    use entrepot_testkit::{at, id};

    use super::*;
    use crate::{SqliteOptions, SqliteStore, listing::plan_of};

    /// Two thousand products, two of each name, price and moment, and what the planner wants to know of them.
    const PRODUCTS: &str = "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
        INSERT INTO products SELECT CAST(printf('%016d', i) AS BLOB), 'S' || i, 'N' || (i / 2), '', i / 2, 'GBP', i % 3, '',
            1, i / 2, i / 2, NULL FROM n;
        ANALYZE;";

    /// In the order of each key, both ways, from the beginning and from a place.
    fn queries() -> Vec<ProductQuery> {
        let mut queries = Vec::new();
        for (_, field) in ProductSort::ALL {
            for way in [Direction::Ascending, Direction::Descending] {
                let value = match field {
                    ProductSort::Name | ProductSort::Sku => SortValue::Text("N5".to_owned()),
                    ProductSort::Price => SortValue::Integer(5),
                    ProductSort::CreatedAt => SortValue::Time(at(5)),
                };
                for place in [None, Some(Keyset { values: vec![value], id: id(5) })] {
                    let window = Window::After { place, limit: Limit::default() };
                    queries.push(ProductQuery {
                        filter: ProductFilter::default(),
                        sort: Sort::by(*field, way),
                        window,
                    });
                }
            }
        }
        queries
    }

    #[tokio::test]
    async fn every_order_follows_its_index_and_sorts_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        for content in ["", PRODUCTS] {
            store.write(move |connection| connection.batch_execute(content).map_err(fault)).await.unwrap();
            for query in queries() {
                let asked = format!("{query:?}");
                // What is behind the text are its values, as a comment.
                let sql = debug_query::<Sqlite, _>(&shown(&query)).to_string();
                let plan = store.read(move |connection| plan_of(connection, sql)).await.unwrap();
                assert!(plan.contains("SEARCH") || asked.contains("place: None"), "{asked}: {plan}");
                let ordered = ["products_by_", "products_sku_for_sale"].map(|index| format!("USING INDEX {index}"));
                assert!(ordered.iter().any(|index| plan.contains(index)), "{asked}: {plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{asked}: {plan}");
            }
        }
    }
}
