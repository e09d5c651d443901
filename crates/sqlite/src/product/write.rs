//! Changes of products, each in the writer's transaction.

use std::collections::HashMap;

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, insert_into, update as change_rows};
use entrepot_domain::{
    Fault, ProductId, Timestamp, Version,
    audit::Cause,
    event::{EventData, StockBefore},
    order::OrderLine,
    product::{Product, ProductChange, ProductError, ProductImport, Stock, StockChange, Upserted},
};

use super::row::{NewRow, find, find_by_sku, find_with_archived};
use crate::{
    audit,
    error::{fault, is_duplicate},
    event,
    schema::products,
    value::{Id, read},
};

fn refused(error: diesel::result::Error) -> ProductError {
    // The identifier is new, so the sku is taken.
    if is_duplicate(&error) { ProductError::SkuTaken } else { fault(error).into() }
}

pub(super) fn insert(connection: &mut SqliteConnection, product: &Product, cause: &Cause) -> Result<(), ProductError> {
    add(connection, product)?;
    event::write(connection, cause.at, &[EventData::product_created(product)])?;
    Ok(audit::write(connection, &cause.product_created(product))?)
}

fn add(connection: &mut SqliteConnection, product: &Product) -> Result<(), ProductError> {
    insert_into(products::table).values(NewRow::from(product)).execute(connection).map_err(refused)?;
    Ok(())
}

/// Returns the product to be changed.
fn current(connection: &mut SqliteConnection, id: ProductId) -> Result<Product, ProductError> {
    find(connection, id)?.ok_or(ProductError::NotFound)
}

/// Overwrites the product with its identifier, and restores it if it is archived.
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
    change: &ProductChange,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Product, ProductError> {
    let was = current(connection, id)?;
    let product = was.change(change, expected, cause.at)?;
    overwrite(connection, &product)?;
    event::write(connection, cause.at, &[EventData::product_updated(&product)])?;
    audit::write(connection, &cause.product_updated(&was, &product))?;
    Ok(product)
}

pub(super) fn archive(
    connection: &mut SqliteConnection,
    id: ProductId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<(), ProductError> {
    let product = current(connection, id)?.archive(expected, cause.at)?;
    change_rows(products::table.filter(products::id.eq(Id(id.0))))
        .set((
            products::version.eq(product.version.0),
            products::updated_at.eq(cause.at.timestamp_millis()),
            products::archived_at.eq(cause.at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    event::write(connection, cause.at, &[EventData::product_archived(&product)])?;
    Ok(audit::write(connection, &cause.product_archived(&product))?)
}

pub(super) fn restore(
    connection: &mut SqliteConnection,
    id: ProductId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Product, ProductError> {
    let (was, archived) = find_with_archived(connection, id)?.ok_or(ProductError::NotFound)?;
    let product = was.restore(expected, cause.at)?;
    if !archived {
        return Ok(was);
    }
    overwrite(connection, &product)?;
    event::write(connection, cause.at, &[EventData::product_updated(&product)])?;
    audit::write(connection, &cause.product_restored(&product))?;
    Ok(product)
}

pub(super) fn adjust_stock(
    connection: &mut SqliteConnection,
    id: ProductId,
    change: &StockChange,
    expected: Option<Version>,
) -> Result<Product, ProductError> {
    let was = current(connection, id)?;
    let product = was.adjust_stock(change, expected)?;
    set_stock(connection, &product)?;
    event::stock_changed(connection, id, change)?;
    event::write(connection, change.cause.at, &[EventData::stock_adjusted(&product, change)])?;
    audit::write(connection, &change.cause.stock_adjusted(&was, &product, change))?;
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

/// Adds the quantities of lines to the stock of their products, including archived ones. Returns the products as they
/// were before.
pub(crate) fn give_back(
    connection: &mut SqliteConnection,
    lines: &[OrderLine],
    now: Timestamp,
) -> Result<StockBefore, Fault> {
    let mut before = Vec::with_capacity(lines.len());
    for line in lines {
        let row = products::table.filter(products::id.eq(Id(line.product.0)));
        let (stock, version): (i64, i64) =
            row.select((products::stock, products::version)).get_result(connection).map_err(fault)?;
        let stock = read("products", "stock", line.product, Stock::new(stock))?;
        before.push((line.product, stock, Version(version)));
        let stock = stock.give_back(line.quantity);
        change_rows(row)
            .set((
                products::stock.eq(stock.get()),
                products::version.eq(products::version + 1),
                products::updated_at.eq(now.timestamp_millis()),
            ))
            .execute(connection)
            .map_err(fault)?;
    }
    Ok(before.into_iter().collect())
}

pub(super) fn upsert(
    connection: &mut SqliteConnection,
    imports: &[ProductImport],
    cause: &Cause,
) -> Result<Upserted, Fault> {
    let mut upserted = Upserted::default();
    // Each product before and after the import, once per sku.
    let mut done: Vec<(Option<Product>, Product)> = Vec::with_capacity(imports.len());
    let mut places = HashMap::with_capacity(imports.len());
    for (index, import) in imports.iter().enumerate() {
        let known = find_by_sku(connection, &import.sku)?;
        let product = match import.onto(known.clone(), cause.at) {
            Ok(product) => product,
            Err(why) => {
                upserted.refused.push((index, why));
                continue;
            }
        };
        let written = if known.is_some() { overwrite(connection, &product) } else { add(connection, &product) };
        written.map_err(|error| match error {
            ProductError::Fault(fault) => fault,
            // Looked up in the same transaction, so no rule can refuse it.
            other => Fault::unknown(other),
        })?;
        let place = *places.entry(product.id).or_insert(done.len());
        match done.get_mut(place) {
            Some((_, is)) => *is = product,
            None => done.push((known, product)),
        }
    }
    let events: Vec<_> = done.iter().flat_map(|(was, is)| EventData::product_imported(was.as_ref(), is)).collect();
    event::write(connection, cause.at, &events)?;
    for (number, (was, is)) in (0..).zip(&done) {
        audit::write(connection, &cause.product_imported(number, was.as_ref(), is))?;
        let list = if was.is_some() { &mut upserted.updated } else { &mut upserted.created };
        list.push(is.id);
    }
    Ok(upserted)
}
