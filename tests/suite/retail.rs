//! A month of a real shop: every basket of December 2010 is ordered over HTTP, and the totals are compared.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use entrepot_tests::{
    Client, Server,
    retail::{Basket, Month, month},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::start;

/// The stock of every product at the start; more than any product sells.
const STOCK: i64 = 100_000;
const CONNECTIONS: usize = 8;

fn import(server: &Server, month: &Month) -> Result<()> {
    let mut file = csv::Writer::from_writer(File::create(server.folder().join("catalogue.csv"))?);
    file.write_record(["sku", "name", "price", "stock"])?;
    for (sku, (name, price)) in &month.catalogue {
        file.write_record([sku, name, &price.to_string(), &STOCK.to_string()])?;
    }
    file.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?.flush()?;
    let imported = server.command(&["import", "products", "catalogue.csv"], &[])?;
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    Ok(())
}

/// Places every basket, from several connections at once; returns the orders of the responses.
async fn place_all(customer: &Client, baskets: Vec<Value>) -> Result<Vec<Value>> {
    let (baskets, next) = (Arc::new(baskets), Arc::new(AtomicUsize::new(0)));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (customer, baskets, next) = (customer.clone(), baskets.clone(), next.clone());
        connections.spawn(async move {
            let mut placed = Vec::new();
            while let Some(basket) = baskets.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = customer.post("/orders", basket.clone()).await?.expect(201);
                let given = answer.data()["items"].as_array().unwrap().len();
                assert_eq!(given, basket["items"].as_array().unwrap().len());
                placed.push(answer.data().clone());
            }
            anyhow::Ok(placed)
        });
    }
    let placed: Result<Vec<_>> = connections.join_all().await.into_iter().collect();
    Ok(placed?.concat())
}

fn total(orders: &[Value]) -> i64 {
    orders.iter().map(|order| order["total"]["amount"].as_i64().unwrap()).sum()
}

#[test]
fn fixture_has_the_known_totals() -> Result<()> {
    let month = month()?;
    assert_eq!(month.catalogue.len(), 2_788);
    assert_eq!(month.baskets.len(), 1_559);
    assert_eq!(month.baskets.iter().map(Basket::len).max(), Some(674));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_a_real_month_add_up() -> Result<()> {
    let month = month()?;
    let server = start(&[]).await?;
    import(&server, &month)?;
    let (customer, admin) = (server.customer("ada@example.com").await?, server.admin().await?);

    let products = customer.all("/products?sort=sku").await?;
    assert_eq!(products.len(), month.catalogue.len());
    let mut ids = HashMap::new();
    for product in &products {
        let sku = product["sku"].as_str().unwrap();
        let (name, price) = &month.catalogue[sku];
        assert_eq!(
            (product["name"].as_str(), product["price"]["amount"].as_i64()),
            (Some(name.as_str()), Some(*price))
        );
        assert_eq!(product["stock"], STOCK);
        ids.insert(sku, &product["id"]);
    }

    let basket = |basket: &Basket| {
        let items: Vec<_> =
            basket.iter().map(|(sku, n)| json!({"productId": ids[sku.as_str()], "quantity": n})).collect();
        json!({ "items": items })
    };
    let placed = place_all(&customer, month.baskets.iter().map(basket).collect()).await?;

    let expected: i64 = month.baskets.iter().flatten().map(|(sku, quantity)| month.catalogue[sku].1 * quantity).sum();
    assert_eq!(placed.len(), month.baskets.len());
    assert_eq!(total(&placed), expected);
    let (own, all) = (customer.all("/orders").await?, admin.all("/orders").await?);
    assert_eq!((own.len(), total(&own)), (placed.len(), expected));
    assert_eq!((all.len(), total(&all)), (placed.len(), expected));

    let mut left: HashMap<&str, i64> = month.catalogue.keys().map(|sku| (sku.as_str(), STOCK)).collect();
    for (sku, quantity) in month.baskets.iter().flatten() {
        *left.get_mut(sku.as_str()).unwrap() -= quantity;
    }
    for product in customer.all("/products").await? {
        assert_eq!(product["stock"], left[product["sku"].as_str().unwrap()], "{product}");
    }
    Ok(())
}
