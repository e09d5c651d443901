//! Products as rows.

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
    SqliteConnection, sqlite::Sqlite,
};
use entrepot_domain::{
    Description, Fault, Money, ProductId, Version,
    product::{Product, ProductName, Sku, Stock},
};

use crate::{
    error::fault,
    schema::products,
    value::{Id, moment, read},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = products, check_for_backend(Sqlite))]
pub(super) struct ProductRow {
    id: Id,
    sku: String,
    name: String,
    description: String,
    amount: i64,
    currency: String,
    stock: i64,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = products)]
pub(super) struct NewRow<'a> {
    id: Id,
    sku: &'a str,
    name: &'a str,
    description: &'a str,
    amount: i64,
    currency: String,
    stock: i64,
    search: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl<'a> From<&'a Product> for NewRow<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: Id(product.id.0),
            sku: product.sku.as_str(),
            name: product.name.as_str(),
            description: product.description.as_str(),
            amount: product.price.amount(),
            currency: product.price.currency().to_string(),
            stock: product.stock.get(),
            search: product.search_text(),
            version: product.version.0,
            created_at: product.created_at.timestamp_millis(),
            updated_at: product.updated_at.timestamp_millis(),
        }
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = Fault;

    fn try_from(row: ProductRow) -> Result<Self, Fault> {
        const TABLE: &str = "products";
        let id = row.id.0;
        let currency = read(TABLE, "currency", id, row.currency.parse())?;
        Ok(Self {
            id: ProductId(id),
            sku: read(TABLE, "sku", id, Sku::parse(&row.sku))?,
            name: read(TABLE, "name", id, ProductName::parse(&row.name))?,
            description: read(TABLE, "description", id, Description::parse(&row.description))?,
            price: read(TABLE, "amount", id, Money::new(row.amount, currency))?,
            stock: read(TABLE, "stock", id, Stock::new(row.stock))?,
            version: Version(row.version),
            created_at: moment(TABLE, "created_at", id, row.created_at)?,
            updated_at: moment(TABLE, "updated_at", id, row.updated_at)?,
        })
    }
}

/// A product that is for sale.
pub(crate) fn find(connection: &mut SqliteConnection, id: ProductId) -> Result<Option<Product>, Fault> {
    let row: Option<ProductRow> = products::table
        .filter(products::id.eq(Id(id.0)))
        .filter(products::archived_at.is_null())
        .select(ProductRow::as_select())
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    row.map(Product::try_from).transpose()
}

/// Those of these products that are for sale.
pub(super) fn find_many(connection: &mut SqliteConnection, ids: &[ProductId]) -> Result<Vec<Product>, Fault> {
    let rows: Vec<ProductRow> = products::table
        .filter(products::id.eq_any(ids.iter().map(|id| Id(id.0))))
        .filter(products::archived_at.is_null())
        .select(ProductRow::as_select())
        .load(connection)
        .map_err(fault)?;
    rows.into_iter().map(Product::try_from).collect()
}

/// A product, and whether it is archived.
pub(super) fn find_with_archived(
    connection: &mut SqliteConnection,
    id: ProductId,
) -> Result<Option<(Product, bool)>, Fault> {
    let row: Option<(ProductRow, Option<i64>)> = products::table
        .filter(products::id.eq(Id(id.0)))
        .select((ProductRow::as_select(), products::archived_at))
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    row.map(|(row, archived_at)| Ok((Product::try_from(row)?, archived_at.is_some()))).transpose()
}

/// The product that a sku names: the one that is for sale, else the one that was archived last.
pub(super) fn find_by_sku(connection: &mut SqliteConnection, sku: &Sku) -> Result<Option<Product>, Fault> {
    let with_sku = || products::table.filter(products::sku.eq(sku.as_str())).select(ProductRow::as_select());
    let for_sale: Option<ProductRow> =
        with_sku().filter(products::archived_at.is_null()).get_result(connection).optional().map_err(fault)?;
    let row = match for_sale {
        Some(row) => Some(row),
        None => with_sku()
            .filter(products::archived_at.is_not_null())
            .order((products::archived_at.desc(), products::id.desc()))
            .first(connection)
            .optional()
            .map_err(fault)?,
    };
    row.map(Product::try_from).transpose()
}
