//! Changes of the catalogue, each in the writer's transaction.

use std::collections::HashSet;

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, insert_into, update as change_rows,
};
use entrepot_domain::{
    Description, Fault, ProductId, Timestamp, Version,
    product::{Product, ProductChange, ProductError, ProductImport, Stock, StockChange, Upserted},
};

use super::row::{NewRow, find};
use crate::{
    error::{fault, is_duplicate},
    order::events,
    schema::products,
    value::Id,
};

fn refused(error: diesel::result::Error) -> ProductError {
    // The identifier is new: what can be taken is the sku.
    if is_duplicate(&error) { ProductError::SkuTaken } else { fault(error).into() }
}

pub(super) fn insert(connection: &mut SqliteConnection, product: &Product) -> Result<(), ProductError> {
    insert_into(products::table).values(NewRow::from(product)).execute(connection).map_err(refused)?;
    Ok(())
}

/// The product to be changed, if it is at the version that the caller has seen.
fn current(
    connection: &mut SqliteConnection,
    id: ProductId,
    expected: Option<Version>,
) -> Result<Product, ProductError> {
    let product = find(connection, id)?.ok_or(ProductError::NotFound)?;
    if expected.is_some_and(|expected| expected != product.version) {
        return Err(ProductError::VersionConflict);
    }
    Ok(product)
}

/// Writes a product over the one that has its identifier, and puts it back up for sale.
fn overwrite(connection: &mut SqliteConnection, product: &Product) -> Result<(), ProductError> {
    change_rows(products::table.filter(products::id.eq(Id(product.id.0))))
        .set((
            products::sku.eq(product.sku.as_str()),
            products::name.eq(product.name.as_str()),
            products::description.eq(product.description.as_str()),
            products::amount.eq(product.price.amount()),
            products::currency.eq(product.price.currency().to_string()),
            products::stock.eq(product.stock.get()),
            products::search.eq(product.search_text()),
            products::version.eq(product.version.0),
            products::updated_at.eq(product.updated_at.timestamp_millis()),
            products::archived_at.eq(None::<i64>),
        ))
        .execute(connection)
        .map_err(refused)?;
    Ok(())
}

pub(super) fn update(
    connection: &mut SqliteConnection,
    id: ProductId,
    change: ProductChange,
    expected: Option<Version>,
    now: Timestamp,
) -> Result<Product, ProductError> {
    let was = current(connection, id, expected)?;
    let product = Product {
        sku: change.sku.unwrap_or(was.sku),
        name: change.name.unwrap_or(was.name),
        description: change.description.unwrap_or(was.description),
        price: change.price.unwrap_or(was.price),
        version: Version(was.version.0 + 1),
        updated_at: now,
        ..was
    };
    overwrite(connection, &product)?;
    Ok(product)
}

pub(super) fn archive(
    connection: &mut SqliteConnection,
    id: ProductId,
    expected: Option<Version>,
    now: Timestamp,
) -> Result<(), ProductError> {
    let product = current(connection, id, expected)?;
    change_rows(products::table.filter(products::id.eq(Id(id.0))))
        .set((
            products::version.eq(product.version.0 + 1),
            products::updated_at.eq(now.timestamp_millis()),
            products::archived_at.eq(now.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

pub(super) fn adjust_stock(
    connection: &mut SqliteConnection,
    id: ProductId,
    change: &StockChange,
    expected: Option<Version>,
) -> Result<Product, ProductError> {
    let mut product = current(connection, id, expected)?;
    let left = product.stock;
    product.stock = left.shift(change.delta).ok_or(if change.delta < 0 {
        ProductError::InsufficientStock { left }
    } else {
        ProductError::TooMuchStock
    })?;
    product.version.0 += 1;
    product.updated_at = change.at;
    set_stock(connection, &product)?;
    events::stock_changed(connection, id, change)?;
    Ok(product)
}

/// Writes the stock of a product, with its version and time of change.
pub(crate) fn set_stock(connection: &mut SqliteConnection, product: &Product) -> Result<(), Fault> {
    change_rows(products::table.filter(products::id.eq(Id(product.id.0))))
        .set((
            products::stock.eq(product.stock.get()),
            products::version.eq(product.version.0),
            products::updated_at.eq(product.updated_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

/// Puts so many back, of a product that may be archived. What would be too much to count stays at the most.
pub(crate) fn give_back(
    connection: &mut SqliteConnection,
    id: ProductId,
    quantity: i64,
    now: Timestamp,
) -> Result<(), Fault> {
    let row = products::table.filter(products::id.eq(Id(id.0)));
    let stock: i64 = row.select(products::stock).get_result(connection).map_err(fault)?;
    change_rows(row)
        .set((
            products::stock.eq(stock.saturating_add(quantity).min(Stock::MAX)),
            products::version.eq(products::version + 1),
            products::updated_at.eq(now.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

pub(super) fn upsert(
    connection: &mut SqliteConnection,
    imports: Vec<ProductImport>,
    now: Timestamp,
) -> Result<Upserted, Fault> {
    let mut upserted = Upserted::default();
    let mut seen = HashSet::with_capacity(imports.len());
    for import in imports {
        let known: Option<(Id, String, i64, i64, i64)> = products::table
            .filter(products::sku.eq(import.sku.as_str()))
            .select((products::id, products::description, products::stock, products::version, products::created_at))
            .get_result(connection)
            .optional()
            .map_err(fault)?;
        let product = merge(import, known.as_ref(), now)?;
        let written = match known {
            Some(_) => overwrite(connection, &product),
            None => insert(connection, &product),
        };
        written.map_err(|error| match error {
            ProductError::Fault(fault) => fault,
            // Looked up in this very transaction, so no rule can refuse it.
            other => Fault::unknown(other),
        })?;
        // Once, however often its sku comes; what this import made was not there before.
        if seen.insert(product.id) {
            let list = if known.is_some() { &mut upserted.updated } else { &mut upserted.created };
            list.push(product.id);
        }
    }
    Ok(upserted)
}

/// What an import makes of what is there: identifier, description, stock, version and age, where it is.
fn merge(import: ProductImport, known: Option<&(Id, String, i64, i64, i64)>, now: Timestamp) -> Result<Product, Fault> {
    let mut product = Product {
        id: import.id,
        sku: import.sku,
        name: import.name,
        description: import.description.clone().unwrap_or_default(),
        price: import.price,
        stock: import.stock.unwrap_or_default(),
        version: Version::FIRST,
        created_at: now,
        updated_at: now,
    };
    if let Some((id, description, stock, version, created_at)) = known {
        product.id = ProductId(id.0);
        product.version = Version(version + 1);
        product.created_at = crate::value::moment("products", "created_at", id.0, *created_at)?;
        if import.description.is_none() {
            product.description = crate::value::read("products", "description", id.0, Description::parse(description))?;
        }
        if import.stock.is_none() {
            product.stock = crate::value::read("products", "stock", id.0, Stock::new(*stock))?;
        }
    }
    Ok(product)
}
