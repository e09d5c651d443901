//! A month of a real shop, as the UCI "Online Retail" data set has it.

#![allow(clippy::unwrap_used, reason = "the file is a fixed one: what it lacks is an error of whoever changed it")]

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::Path,
};

use anyhow::Result;
use flate2::read::GzDecoder;

/// A basket: the quantity of each sku.
pub type Basket = BTreeMap<String, i64>;

/// December 2010.
pub struct Month {
    /// Name and price of every sku.
    pub catalogue: BTreeMap<String, (String, i64)>,
    /// Every sale.
    pub baskets: Vec<Basket>,
}

/// Pounds with up to four digits after the point, in whole pence, half a penny to the even one.
fn pence(pounds: &str) -> i64 {
    let pounds: f64 = pounds.parse().unwrap();
    format!("{:.0}", (pounds * 100.0).round_ties_even()).parse().unwrap()
}

/// An invoice line is a sale if it is no cancellation and has a quantity and a price. A product's name is the first it
/// had, its price the one it had most often, the first such.
pub fn month() -> Result<Month> {
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
