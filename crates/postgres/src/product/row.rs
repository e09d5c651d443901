//! Products as rows.

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, pg::Pg,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Description, Fault, Money, ProductId, Timestamp, Version,
    product::{Product, ProductName, Sku, Stock},
};

use uuid::Uuid;

use crate::{error::fault, schema::products, value::read};

#[derive(Queryable, Selectable)]
#[diesel(table_name = products, check_for_backend(Pg))]
pub(super) struct ProductRow {
    id: Uuid,
    sku: String,
    name: String,
    description: String,
    amount: i64,
    currency: String,
    stock: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Insertable)]
#[diesel(table_name = products)]
pub(super) struct NewRow<'a> {
    id: Uuid,
    sku: &'a str,
    name: &'a str,
    description: &'a str,
    amount: i64,
    currency: String,
    stock: i64,
    search: String,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Product> for NewRow<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id.0,
            sku: product.sku.as_str(),
            name: product.name.as_str(),
            description: product.description.as_str(),
            amount: product.price.amount(),
            currency: product.price.currency().to_string(),
            stock: product.stock.get(),
            search: product.search_text(),
            version: product.version.0,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = Fault;

    fn try_from(row: ProductRow) -> Result<Self, Fault> {
        const TABLE: &str = "products";
        let id = row.id;
        let currency = read(TABLE, "currency", id, row.currency.parse())?;
        Ok(Self {
            id: ProductId(id),
            sku: read(TABLE, "sku", id, Sku::parse(&row.sku))?,
            name: read(TABLE, "name", id, ProductName::parse(&row.name))?,
            description: read(TABLE, "description", id, Description::parse(&row.description))?,
            price: read(TABLE, "amount", id, Money::new(row.amount, currency))?,
            stock: read(TABLE, "stock", id, Stock::new(row.stock))?,
            version: Version(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A product that is for sale.
pub(crate) async fn find(connection: &mut AsyncPgConnection, id: ProductId) -> Result<Option<Product>, Fault> {
    let row: Option<ProductRow> = products::table
        .filter(products::id.eq(id.0))
        .filter(products::archived_at.is_null())
        .select(ProductRow::as_select())
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    row.map(Product::try_from).transpose()
}

/// Those of these products that are for sale.
pub(super) async fn find_many(connection: &mut AsyncPgConnection, ids: &[ProductId]) -> Result<Vec<Product>, Fault> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<ProductRow> = products::table
        .filter(products::id.eq_any(ids))
        .filter(products::archived_at.is_null())
        .select(ProductRow::as_select())
        .load(connection)
        .await
        .map_err(fault)?;
    rows.into_iter().map(Product::try_from).collect()
}
