//! Changes of products, each in a transaction.
//!
//! Several products are locked in the order of their identifiers, so that concurrent transactions do not deadlock.

use std::collections::{HashMap, HashSet};

use diesel::pg::Pg;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, insert_into,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_query,
    sql_types::{Array, BigInt, Timestamptz, Uuid as SqlUuid},
    update as change_rows,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, ProductId, Timestamp, Version,
    audit::Cause,
    event::{EventData, StockBefore},
    order::OrderLine,
    product::{Product, ProductChange, ProductError, ProductImport, Stock, StockChange, Upserted},
};
use uuid::Uuid;

use super::row::{NewRow, ProductRow};
use crate::{
    audit,
    error::{fault, fault_or_raced, is_duplicate},
    event,
    schema::products,
    value::read,
};

fn refused(error: diesel::result::Error) -> ProductError {
    // The identifier is new, so the sku is taken.
    if is_duplicate(&error) { ProductError::SkuTaken } else { fault(error).into() }
}

pub(super) async fn insert(
    connection: &mut AsyncPgConnection,
    product: &Product,
    cause: &Cause,
) -> Result<(), ProductError> {
    insert_into(products::table).values(NewRow::from(product)).execute(connection).await.map_err(refused)?;
    event::write(connection, cause.at, &[EventData::product_created(product)]).await?;
    Ok(audit::write(connection, &cause.product_created(product)).await?)
}

/// Returns the product to be changed, and locks it.
async fn current(connection: &mut AsyncPgConnection, id: ProductId) -> Result<Product, ProductError> {
    let row: Option<ProductRow> = products::table
        .filter(products::id.eq(id.0))
        .filter(products::archived_at.is_null())
        .select(ProductRow::as_select())
        .for_no_key_update()
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    Ok(Product::try_from(row.ok_or(ProductError::NotFound)?)?)
}

/// Overwrites the product with its identifier, and restores it if it is archived.
async fn overwrite(connection: &mut AsyncPgConnection, product: &Product) -> QueryResult<usize> {
    change_rows(products::table.filter(products::id.eq(product.id.0)))
        .set((
            products::sku.eq(product.sku.as_str()),
            products::name.eq(product.name.as_str()),
            products::description.eq(product.description.as_str()),
            products::amount.eq(product.price.amount()),
            products::currency.eq(product.price.currency().to_string()),
            products::stock.eq(product.stock.get()),
            products::search.eq(product.search_text()),
            products::version.eq(product.version.0),
            products::updated_at.eq(product.updated_at),
            products::archived_at.eq(None::<Timestamp>),
        ))
        .execute(connection)
        .await
}

pub(super) async fn update(
    connection: &mut AsyncPgConnection,
    id: ProductId,
    change: &ProductChange,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Product, ProductError> {
    let was = current(connection, id).await?;
    let product = was.change(change, expected, cause.at)?;
    overwrite(connection, &product).await.map_err(refused)?;
    event::write(connection, cause.at, &[EventData::product_updated(&product)]).await?;
    audit::write(connection, &cause.product_updated(&was, &product)).await?;
    Ok(product)
}

pub(super) async fn archive(
    connection: &mut AsyncPgConnection,
    id: ProductId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<(), ProductError> {
    let product = current(connection, id).await?.archive(expected, cause.at)?;
    change_rows(products::table.filter(products::id.eq(id.0)))
        .set((
            products::version.eq(product.version.0),
            products::updated_at.eq(cause.at),
            products::archived_at.eq(cause.at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    event::write(connection, cause.at, &[EventData::product_archived(&product)]).await?;
    Ok(audit::write(connection, &cause.product_archived(&product)).await?)
}

pub(super) async fn restore(
    connection: &mut AsyncPgConnection,
    id: ProductId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Product, ProductError> {
    let row: Option<(ProductRow, Option<Timestamp>)> = products::table
        .filter(products::id.eq(id.0))
        .select((ProductRow::as_select(), products::archived_at))
        .for_no_key_update()
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    let (row, archived_at) = row.ok_or(ProductError::NotFound)?;
    let was = Product::try_from(row)?;
    let product = was.restore(expected, cause.at)?;
    if archived_at.is_none() {
        return Ok(was);
    }
    overwrite(connection, &product).await.map_err(refused)?;
    event::write(connection, cause.at, &[EventData::product_updated(&product)]).await?;
    audit::write(connection, &cause.product_restored(&product)).await?;
    Ok(product)
}

pub(super) async fn adjust_stock(
    connection: &mut AsyncPgConnection,
    id: ProductId,
    change: &StockChange,
    expected: Option<Version>,
) -> Result<Product, ProductError> {
    let was = current(connection, id).await?;
    let product = was.adjust_stock(change, expected)?;
    change_rows(products::table.filter(products::id.eq(id.0)))
        .set((
            products::stock.eq(product.stock.get()),
            products::version.eq(product.version.0),
            products::updated_at.eq(product.updated_at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    event::stock_changed(connection, id, change).await?;
    event::write(connection, change.cause.at, &[EventData::stock_adjusted(&product, change)]).await?;
    audit::write(connection, &change.cause.stock_adjusted(&was, &product, change)).await?;
    Ok(product)
}

/// Adds the quantities of lines to the stock of their products, including archived ones. Returns the products as they
/// were before.
pub(crate) async fn give_back(
    connection: &mut AsyncPgConnection,
    lines: &[OrderLine],
    now: Timestamp,
) -> Result<StockBefore, Fault> {
    if lines.is_empty() {
        return Ok(StockBefore::default());
    }
    let mut lines: Vec<_> = lines.iter().map(|line| (line.product.0, i64::from(line.quantity.get()))).collect();
    lines.sort_unstable();
    let (ids, quantities): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let locked = products::table.filter(products::id.eq_any(&ids)).order(products::id);
    let locked = locked.select((products::id, products::stock, products::version)).for_no_key_update();
    let locked: Vec<(Uuid, i64, i64)> = locked.load(connection).await.map_err(fault)?;
    GiveBack { ids, quantities, now }.execute(connection).await.map_err(fault)?;
    let before = |(id, stock, version)| {
        let stock = read("products", "stock", id, Stock::new(stock))?;
        Ok((ProductId(id), stock, Version(version)))
    };
    locked.into_iter().map(before).collect()
}

/// Computes `Stock::give_back` for all products of an order in one statement.
#[derive(QueryId)]
struct GiveBack {
    ids: Vec<Uuid>,
    quantities: Vec<i64>,
    now: Timestamp,
}

impl QueryFragment<Pg> for GiveBack {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("UPDATE products p SET version = p.version + 1, updated_at = ");
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        // The difference cannot overflow, the sum could.
        out.push_sql(", stock = p.stock + least(b.quantity, ");
        out.push_bind_param::<BigInt, _>(&Stock::MAX)?;
        out.push_sql(" - p.stock) FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.quantities)?;
        out.push_sql(") AS b (id, quantity) WHERE p.id = b.id");
        Ok(())
    }
}

pub(super) async fn upsert(
    connection: &mut AsyncPgConnection,
    imports: &[ProductImport],
    cause: &Cause,
) -> Result<Upserted, Fault> {
    one_import_at_a_time(connection).await?;
    let old = lock_by_sku(connection, imports).await?;
    let mut known = old.clone();
    let (mut seen, mut touched) = (HashSet::new(), Vec::new());
    let mut upserted = Upserted::default();
    for (index, import) in imports.iter().enumerate() {
        let sku = import.sku.as_str();
        match import.onto(known.get(sku).cloned(), cause.at) {
            Ok(product) => {
                if seen.insert(sku) {
                    touched.push(sku);
                }
                known.insert(sku.to_owned(), product);
            }
            Err(why) => upserted.refused.push((index, why)),
        }
    }
    let (mut entries, mut events) = (Vec::with_capacity(touched.len()), Vec::with_capacity(touched.len()));
    for (number, product) in (0..).zip(touched.into_iter().filter_map(|sku| known.get(sku))) {
        let was = old.get(product.sku.as_str());
        entries.push(cause.product_imported(number, was, product));
        events.extend(EventData::product_imported(was, product));
        if was.is_some() {
            overwrite(connection, product).await.map_err(fault)?;
            upserted.updated.push(product.id);
        } else {
            let new = insert_into(products::table).values(NewRow::from(product));
            new.execute(connection).await.map_err(|error| fault_or_raced(error, "products_sku_for_sale"))?;
            upserted.created.push(product.id);
        }
    }
    event::write(connection, cause.at, &events).await?;
    audit::write_all(connection, &entries).await?;
    Ok(upserted)
}

/// Waits for other imports: two imports with the same new skus in different orders would deadlock.
async fn one_import_at_a_time(connection: &mut AsyncPgConnection) -> Result<(), Fault> {
    // "import" in ASCII.
    let lock = sql_query("SELECT pg_advisory_xact_lock(x'696d706f7274'::bigint)");
    lock.execute(connection).await.map_err(fault)?;
    Ok(())
}

/// Returns the product of each sku: the one that is for sale, else the one that was archived last.
async fn lock_by_sku(
    connection: &mut AsyncPgConnection,
    imports: &[ProductImport],
) -> Result<HashMap<String, Product>, Fault> {
    let skus: Vec<&str> = imports.iter().map(|import| import.sku.as_str()).collect();
    let mut rows: Vec<(ProductRow, Option<Timestamp>)> = products::table
        .filter(products::sku.eq_any(skus))
        .order(products::id)
        .select((ProductRow::as_select(), products::archived_at))
        .for_no_key_update()
        .load(connection)
        .await
        .map_err(fault)?;
    rows.sort_by_key(|(_, archived_at)| (archived_at.is_none(), *archived_at));
    // The last occurrence of a sku counts.
    let product = |(row, _)| Product::try_from(row).map(|product| (product.sku.as_str().to_owned(), product));
    rows.into_iter().map(product).collect()
}
