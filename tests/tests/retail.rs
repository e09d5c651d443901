//! A month of a real shop: every basket of December 2010 is ordered over HTTP, and the books are done twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use entrepot_tests::{Client, Server};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// So many of every product are there to begin with; more than the best seller sells.
const STOCK: i64 = 100_000;
const CONNECTIONS: usize = 8;

/// The shop's books: what a basket holds, how many of each sku.
type Basket = BTreeMap<String, i64>;

struct Month {
    /// Name and price of every sku.
    catalogue: BTreeMap<String, (String, i64)>,
    baskets: Vec<Basket>,
}

/// Pounds with up to four digits after the point, in whole pence, half a penny to the even one.
fn pence(pounds: &str) -> i64 {
    let pounds: f64 = pounds.parse().unwrap();
    format!("{:.0}", (pounds * 100.0).round_ties_even()).parse().unwrap()
}

/// An invoice line is a sale if it is no cancellation and has a quantity and a price. A product's name is the first it
/// had, its price the one it had most often, the first such.
fn month() -> Result<Month> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/online-retail-2010-12.csv.gz");
    let mut lines = csv::Reader::from_reader(GzDecoder::new(File::open(path)?));
    let header = lines.headers()?.clone();
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();
    let [invoice, code, description, quantity, price] =
        ["InvoiceNo", "StockCode", "Description", "Quantity", "UnitPrice"].map(column);

    let mut products: BTreeMap<String, (String, Vec<(i64, u32)>)> = BTreeMap::new();
    let (mut baskets, mut seen) = (Vec::<Basket>::new(), HashMap::new());
    for line in lines.records() {
        let line = line?;
        let (quantity, price): (i64, _) = (line[quantity].trim_end_matches(".0").parse()?, pence(&line[price]));
        if quantity <= 0 || price <= 0 || line[invoice].starts_with('C') {
            continue;
        }
        let (sku, name) = (line[code].trim().to_owned(), line[description].trim());
        let product = products
            .entry(sku.clone())
            .or_insert_with(|| (if name.is_empty() { sku.clone() } else { name.to_owned() }, Vec::new()));
        match product.1.iter_mut().find(|(known, _)| *known == price) {
            Some((_, times)) => *times += 1,
            None => product.1.push((price, 1)),
        }
        let n = *seen.entry(line[invoice].to_owned()).or_insert_with(|| {
            baskets.push(Basket::new());
            baskets.len() - 1
        });
        *baskets[n].entry(sku).or_default() += quantity;
    }
    let catalogue = products.into_iter().map(|(sku, (name, prices))| {
        // Of equals the last is the greatest to `max_by_key`, so they go in backwards.
        let (price, _) = prices.into_iter().rev().max_by_key(|(_, times)| *times).unwrap();
        (sku, (name, price))
    });
    Ok(Month { catalogue: catalogue.collect(), baskets })
}

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

/// Places every basket, from several connections at once; returns the orders as they were answered.
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
fn the_month_is_what_the_books_say() -> Result<()> {
    let month = month()?;
    assert_eq!(month.catalogue.len(), 2_788);
    assert_eq!(month.baskets.len(), 1_559);
    assert_eq!(month.baskets.iter().map(Basket::len).max(), Some(674));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_of_a_real_shop_adds_up() -> Result<()> {
    let month = month()?;
    let server = Server::start(&[]).await?;
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
