//! Lists of products.

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper, SqliteConnection,
    dsl::{AsSelect, Select, count_star},
    sqlite::Sqlite,
};
use entrepot_domain::{
    EXACT_TOTAL, Fault, Listing, SortColumns, Window,
    product::{PriceRange, Product, ProductFilter, ProductQuery, ProductSort},
};

use super::{row::ProductRow, search::Candidates};
use crate::{
    error::fault,
    keyset::{after, order},
    listing::{instr, snapshot},
    schema::products,
};

/// The size of the sample that estimates the part of many candidates that passes a filter, to one or two hundredths.
const SAMPLE: i64 = 5_000;

const fn column(field: ProductSort) -> &'static str {
    match field {
        ProductSort::Name => "name_folded",
        ProductSort::Price => "amount",
        ProductSort::Sku => "sku",
        ProductSort::CreatedAt => "created_at",
    }
}

/// Selects the products that pass a filter, of all products or of the candidates.
fn filtered<'a>(filter: &'a ProductFilter, among: Option<&Candidates>) -> products::BoxedQuery<'a, Sqlite> {
    let mut query = products::table.filter(products::archived_at.is_null()).into_boxed();
    if let Some(candidates) = among {
        query = query.filter(candidates.include_id());
    }
    for word in filter.words() {
        query = query.filter(instr(products::search, word).gt(0));
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

/// Returns the rows of the window, and one more.
fn shown<'a>(
    query: &'a ProductQuery,
    among: Option<&Candidates>,
) -> Select<products::BoxedQuery<'a, Sqlite>, AsSelect<ProductRow, Sqlite>> {
    let columns = SortColumns::of(&query.sort, column);
    let (limit, offset) = query.window.rows();
    let mut rows = filtered(&query.filter, among);
    if let Window::After { place: Some(place), .. } = &query.window {
        rows = rows.filter(after(&columns, place));
    }
    rows.select(ProductRow::as_select()).order(order(&columns)).limit(limit).offset(offset)
}

/// Few candidates are looked up and sorted. With many, the list is scanned in its order until the window is full, which
/// takes few rows.
pub(super) fn list(connection: &mut SqliteConnection, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
    snapshot(connection, |connection| {
        let mut few = None;
        let mut many = None;
        if let Some(candidates) = Candidates::of(&query.filter.words()) {
            let count = candidates.count(connection, EXACT_TOTAL + 1).map_err(fault)?;
            *(if count > EXACT_TOTAL { &mut many } else { &mut few }) = Some(candidates);
        }
        let counted = matches!(query.window, Window::Page { .. });
        let count = || total(connection, &query.filter, few.as_ref(), many.as_ref());
        let total = counted.then(count).transpose().map_err(fault)?;
        let rows: Vec<ProductRow> = shown(query, few.as_ref()).load(connection).map_err(fault)?;
        Listing::try_from_rows(rows, &query.window, total)
    })
}

/// Counts the products that pass a filter. With many candidates the count is estimated from a sample, unless few of it
/// pass.
fn total(
    connection: &mut SqliteConnection,
    filter: &ProductFilter,
    few: Option<&Candidates>,
    many: Option<&Candidates>,
) -> QueryResult<i64> {
    if let Some(candidates) = many {
        let all = candidates.count(connection, i64::MAX)?;
        let sample = candidates.sample(all / SAMPLE + 1);
        let size = sample.count(connection, i64::MAX)?;
        let through: i64 = filtered(filter, Some(&sample)).select(count_star()).get_result(connection)?;
        let estimate = all.saturating_mul(through) / size.max(1);
        if estimate > EXACT_TOTAL {
            return Ok(estimate);
        }
    }
    filtered(filter, few).select(count_star()).get_result(connection)
}

#[cfg(test)]
mod tests {
    use diesel::{connection::SimpleConnection, debug_query};
    use entrepot_domain::{Direction, Keyset, Limit, PageNumber, Sort, SortField, SortValue};
    use entrepot_testkit::{at, id};

    use super::*;
    use crate::{SqliteOptions, SqliteStore, listing::plan_of};

    /// Two thousand products, two of each name, price and moment, and what the planner wants to know of them.
    const PRODUCTS: &str = "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
        INSERT INTO products SELECT CAST(printf('%016d', i) AS BLOB), 'S' || i, 'N' || (i / 2), '', i / 2, 'GBP', i % 3, 'n' || (i / 2),
            1, i / 2, i / 2, NULL FROM n;
        ANALYZE;";

    /// For each sort key, in both directions, from the beginning and from a cursor.
    fn queries() -> Vec<ProductQuery> {
        let mut queries = Vec::new();
        for (_, field) in ProductSort::ALL {
            for way in [Direction::Ascending, Direction::Descending] {
                let value = match field {
                    ProductSort::Name | ProductSort::Sku => SortValue::Text("n5".to_owned()),
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

    async fn store(content: &'static str) -> (SqliteStore, tempfile::TempDir) {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        store.write(move |connection| connection.batch_execute(content).map_err(fault)).await.unwrap();
        (store, folder)
    }

    /// Returns the plan of a query. `Debug` appends the values as a comment.
    async fn plan(store: &SqliteStore, query: &ProductQuery, among: Option<&Candidates>) -> String {
        let sql = debug_query::<Sqlite, _>(&shown(query, among)).to_string();
        store.read(move |connection| plan_of(connection, sql)).await.unwrap()
    }

    fn search(words: &str, window: Window) -> ProductQuery {
        let filter = ProductFilter { search: Some(words.to_owned()), ..ProductFilter::default() };
        ProductQuery { filter, sort: Sort::by(ProductSort::CreatedAt, Direction::Ascending), window }
    }

    #[tokio::test]
    async fn every_order_follows_its_index_and_sorts_nothing() {
        for content in ["", PRODUCTS] {
            let (store, _folder) = store(content).await;
            for query in queries() {
                let asked = format!("{query:?}");
                let plan = plan(&store, &query, None).await;
                assert!(plan.contains("SEARCH") || asked.contains("place: None"), "{asked}: {plan}");
                let ordered = ["products_by_", "products_sku_for_sale"].map(|index| format!("USING INDEX {index}"));
                assert!(ordered.iter().any(|index| plan.contains(index)), "{asked}: {plan}");
                assert!(!plan.contains("TEMP B-TREE FOR ORDER BY"), "{asked}: {plan}");
            }
        }
    }

    #[tokio::test]
    async fn few_candidates_are_looked_up() {
        for content in ["", PRODUCTS] {
            let (store, _folder) = store(content).await;
            for mut query in queries() {
                query.filter.search = Some("mug".to_owned());
                let plan = plan(&store, &query, Candidates::of(&["mug".to_owned()]).as_ref()).await;
                for step in
                    ["SCAN product_search VIRTUAL TABLE", "SEARCH product_search_rows USING INTEGER PRIMARY KEY"]
                {
                    assert!(plan.contains(step), "{query:?}: {plan}");
                }
                assert!(plan.contains("SEARCH products USING PRIMARY KEY (id=?)"), "{query:?}: {plan}");
            }
        }
    }

    /// Twelve thousand mugs, every third of them blue and none left of them, and a few that are green.
    const MUGS: &str = "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 11999)
        INSERT INTO products SELECT CAST(printf('%016d', i) AS BLOB), 'S' || i, 'Mug' || i, '', i, 'GBP', i % 3, 'mug ' ||
            iif(i % 3 = 0, 'blue', iif(i % 1000 = 1, 'green', 'red')) || char(10) || 's' || i || char(10), 1, i, i, NULL FROM n;";

    #[tokio::test]
    async fn many_are_estimated_and_fewer_counted() {
        let (store, _folder) = store(MUGS).await;
        let page = Window::Page { page: PageNumber::default(), limit: Limit::default() };
        let total = async |mut query: ProductQuery, in_stock| {
            query.filter.in_stock = in_stock;
            let found = store.read(move |connection| list(connection, &query)).await.unwrap();
            assert!(found.items.is_sorted_by_key(|product| product.id.0));
            found.total.unwrap()
        };
        let asked = async |words, in_stock| total(search(words, page.clone()), in_stock).await;
        assert_eq!(asked("mug", None).await, 12_000);
        assert_eq!(asked("mug", Some(true)).await, 8_000);
        assert_eq!(asked("mug", Some(false)).await, 4_000);
        assert_eq!(asked("mug green", None).await, 8);
        assert_eq!(asked("mug green e b", None).await, 0);
        assert_eq!(asked("lu", None).await, 4_000);
        assert!((11_000..13_000).contains(&asked("mug u", None).await));
    }

    /// Archived products and former words of products are not in the index.
    #[tokio::test]
    async fn index_follows_the_catalogue() {
        let (store, _folder) = store(PRODUCTS).await;
        let count = async |change: &'static str| {
            let count = |connection: &mut SqliteConnection| {
                connection.batch_execute(change)?;
                Candidates::of(&["mug".to_owned()]).unwrap().count(connection, 100)
            };
            store.write(move |connection| count(connection).map_err(fault)).await.unwrap()
        };
        assert_eq!(count("UPDATE products SET search = 'mug' WHERE amount = 1").await, 2);
        assert_eq!(count("UPDATE products SET archived_at = 1 WHERE sku = 'S2'").await, 1);
        assert_eq!(count("UPDATE products SET search = 'a mug' WHERE sku = 'S2'").await, 1);
        assert_eq!(count("UPDATE products SET search = 'mugs', archived_at = NULL WHERE sku = 'S2'").await, 2);
        assert_eq!(count("UPDATE products SET search = 'cup' WHERE sku = 'S3'").await, 1);
        assert_eq!(count("DELETE FROM products WHERE sku = 'S2'").await, 0);
        assert_eq!(count("INSERT INTO product_search (product_search) VALUES ('integrity-check')").await, 0);
    }

    #[tokio::test]
    async fn stock_change_updates_no_index() {
        let (store, _folder) = store("").await;
        let code = async |statement: &'static str| {
            #[derive(diesel::QueryableByName)]
            struct Step {
                #[diesel(sql_type = diesel::sql_types::Text)]
                opcode: String,
            }
            let steps = move |connection: &mut SqliteConnection| {
                let steps: Vec<Step> =
                    diesel::sql_query(format!("EXPLAIN {statement}")).load(connection).map_err(fault)?;
                Ok::<_, Fault>(steps.into_iter().map(|step| step.opcode).collect::<Vec<_>>())
            };
            store.read(steps).await.unwrap()
        };
        let fires = |code: Vec<String>| code.iter().any(|opcode| opcode == "Program");
        let stock = code("UPDATE products SET stock = 1, version = 2, updated_at = 3 WHERE id = X'00'").await;
        assert!(!fires(stock.clone()));
        // The one insertion is that into the table's own index.
        assert_eq!(stock.iter().filter(|opcode| *opcode == "IdxInsert").count(), 1, "{stock:?}");
        assert!(fires(code("UPDATE products SET search = 'mug' WHERE id = X'00'").await));
    }
}
