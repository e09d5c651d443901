//! Checks that orders and stock in the database are consistent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

use super::{
    crowd::Sale,
    shop::{STOCK, Shop},
};

/// A connection to the database itself.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Makes sure that the database holds exactly these orders, each once and under its key, and that the stock of each
/// was taken once.
pub(crate) async fn check(shop: &Shop, sales: &[Sale]) -> Result<()> {
    let database = connect(&shop.database()).await?;
    let pairs = async |sql: &str| -> Result<Vec<(String, String)>> {
        let rows = database.query(sql, &[]).await.with_context(|| sql.to_owned())?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    };

    let acknowledged: BTreeSet<&str> = sales.iter().map(|sale| sale.id.as_str()).collect();
    assert_eq!(acknowledged.len(), sales.len(), "two keys got one order");
    let orders = pairs("SELECT id::text, status FROM orders").await?;
    let orders: BTreeSet<&str> = orders.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(orders, acknowledged, "an order was lost, or is there twice");
    let created = pairs("SELECT order_id::text, kind FROM events WHERE order_id IS NOT NULL").await?;
    assert_eq!(created.len(), sales.len(), "an order has no event, or more than one");

    // Keys belong to users: each customer counts from 0, with their own number as a prefix.
    let keys: HashMap<_, _> = pairs("SELECT key, order_id::text FROM idempotency_keys").await?.into_iter().collect();
    let wanted: HashMap<_, _> = sales.iter().map(|sale| (sale.key.clone(), sale.id.clone())).collect();
    assert_eq!(keys, wanted);

    let mut left: BTreeMap<&str, i64> = shop.products.iter().map(|product| (product.as_str(), STOCK)).collect();
    for (product, quantity) in sales.iter().flat_map(|sale| &sale.lines) {
        *left.get_mut(product.as_str()).context("an unknown product")? -= quantity;
    }
    let rows = database
        .query(
            "SELECT p.id::text, p.stock, coalesce(sum(l.quantity), 0)::bigint
            FROM products p LEFT JOIN order_lines l ON l.product_id = p.id GROUP BY p.id",
            &[],
        )
        .await?;
    for row in rows {
        let (product, stock, sold): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
        // Other products of the test were not ordered.
        let Some(left) = left.get(product.as_str()) else { continue };
        assert_eq!(stock + sold, STOCK, "the stock of {product} is not what its orders left");
        assert_eq!(stock, *left, "the stock of {product}");
        assert_eq!(shop.admin.stock(&product).await?, stock, "the program shows another stock of {product}");
    }
    Ok(())
}
