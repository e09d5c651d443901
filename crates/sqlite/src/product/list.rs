//! Lists of products.

use diesel::{
    EscapeExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
    TextExpressionMethods, dsl::count_star, sqlite::Sqlite,
};
use entrepot_domain::{
    Fault, Listing, Window,
    product::{Product, ProductFilter, ProductQuery, ProductSort},
};

use super::row::ProductRow;
use crate::{
    error::fault,
    keyset::{Columns, pattern},
    listing::{bounds, listing, snapshot},
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
    if let Some(words) = &filter.search {
        query = query.filter(products::search.like(pattern(words)).escape('\\'));
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

pub(super) fn list(connection: &mut SqliteConnection, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
    let columns = Columns::of(&query.sort, column);
    let (limit, offset) = bounds(&query.window);
    snapshot(connection, |connection| {
        let counted = matches!(query.window, Window::Page { .. });
        let count = || filtered(&query.filter).select(count_star());
        let total = counted.then(|| count().get_result(connection)).transpose().map_err(fault)?;
        let mut rows = filtered(&query.filter);
        if let Window::After { place: Some(place), .. } = &query.window {
            rows = rows.filter(columns.after(place));
        }
        let rows: Vec<ProductRow> = rows
            .select(ProductRow::as_select())
            .order(columns.order())
            .limit(limit)
            .offset(offset)
            .load(connection)
            .map_err(fault)?;
        listing(rows, total, &query.window)
    })
}
