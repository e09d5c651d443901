//! Imports of products.

use entrepot_domain::{
    Currency, DecimalAmount, Description, Fault, Money, Version,
    product::{ImportAmount, ImportPrice, Product, ProductFilter, ProductImport, ProductName, Stock, Upserted},
};
use entrepot_testkit::{at, cause, gbp, product, product_id, product_import};

use super::{find, insert, listed, search};
use crate::{Stores, at_once};

/// An import of product `n` with a sku.
fn import(n: u128, sku: &str) -> ProductImport {
    product_import(&product(n).sku(sku).build())
}

fn full(n: u128, sku: &str, description: &str, stock: i64) -> ProductImport {
    let description = Some(Description::parse(description).unwrap());
    ProductImport { description, stock: Some(Stock::new(stock).unwrap()), ..import(n, sku) }
}

/// With defaults for missing fields.
pub async fn import_creates_new_products(h: &impl Stores) {
    let products = h.products();
    let done = products.upsert(&[import(1, "A"), full(2, "B", "blue", 7)], &cause(at(3))).await.unwrap();
    assert_eq!(done, Upserted { created: vec![product_id(1), product_id(2)], ..Upserted::default() });
    let plain = product(1).sku("A").stock(0).created_at(at(3)).build();
    assert_eq!(find(&*products, product_id(1)).await, plain);
    let filled = product(2).sku("B").description("blue").stock(7).created_at(at(3)).build();
    assert_eq!(find(&*products, product_id(2)).await, filled);
    assert_eq!(listed(&*products, search("BLUE"), "name").await, ["Product 2"]);
}

/// The identifier, the time of creation and fields that the import does not set are kept.
pub async fn import_updates_existing_products(h: &impl Stores) {
    let products = h.products();
    let a = insert(&*products, product(1).sku("A").description("red").stock(5).build()).await;
    let b = insert(&*products, product(2).sku("B").description("red").stock(5).build()).await;
    let price = gbp(999);
    let imports = [ProductImport { price: price.into(), ..import(11, "A") }, full(12, "B", "", 0)];
    let done = products.upsert(&imports, &cause(at(3))).await.unwrap();
    assert_eq!(done, Upserted { updated: vec![a.id, b.id], ..Upserted::default() });
    let name = |text| ProductName::parse(text).unwrap();
    let changed = Product { version: Version(2), updated_at: at(3), ..a };
    assert_eq!(find(&*products, changed.id).await, Product { name: name("Product 11"), price, ..changed });
    let changed = Product { version: Version(2), updated_at: at(3), ..b };
    let (description, stock) = (Description::default(), Stock::default());
    assert_eq!(find(&*products, b.id).await, Product { name: name("Product 12"), description, stock, ..changed });
    assert_eq!(products.find(product_id(11)).await.unwrap(), None);
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// If a sku occurs twice, the second uses the currency of the first.
pub async fn import_without_a_currency_keeps_the_products_currency(h: &impl Stores) {
    let products = h.products();
    let euros = Money::new(500, currency("EUR")).unwrap();
    let a = insert(&*products, product(1).sku("A").money(euros).build()).await;
    let price = ImportPrice { currency: None, default_currency: currency("JPY"), ..ImportPrice::from(gbp(999)) };
    let francs = ImportPrice { currency: Some(currency("CHF")), ..price };
    let imports = [
        ProductImport { price, ..import(11, "A") },
        ProductImport { price, ..import(12, "NEW") },
        ProductImport { price: francs, ..import(13, "TWICE") },
        ProductImport { price, ..import(14, "TWICE") },
    ];
    products.upsert(&imports, &cause(at(3))).await.unwrap();
    assert_eq!(find(&*products, a.id).await.price, Money::new(999, currency("EUR")).unwrap());
    assert_eq!(find(&*products, product_id(12)).await.price, Money::new(999, currency("JPY")).unwrap());
    assert_eq!(find(&*products, product_id(13)).await.price, Money::new(999, currency("CHF")).unwrap());
}

/// The other products are imported, and the refused one is not logged.
pub async fn import_refuses_only_prices_that_the_currency_cannot_express(h: &impl Stores) {
    let products = h.products();
    let yen = Money::new(500, currency("JPY")).unwrap();
    let a = insert(&*products, product(1).sku("A").money(yen).build()).await;
    let amount = ImportAmount::Decimal(DecimalAmount::parse("2.95").unwrap());
    let price = ImportPrice { amount, currency: None, default_currency: currency("KWD") };
    let imports = [ProductImport { price, ..import(11, "A") }, ProductImport { price, ..import(12, "B") }];
    let done = products.upsert(&imports, &cause(at(3))).await.unwrap();
    assert_eq!((done.created, done.updated), (vec![product_id(12)], vec![]));
    assert_eq!(done.refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0]);
    assert_eq!(find(&*products, a.id).await, a);
    assert_eq!(find(&*products, product_id(12)).await.price, Money::new(2_950, currency("KWD")).unwrap());
}

pub async fn import_restores_archived_products(h: &impl Stores) {
    let products = h.products();
    let a = insert(&*products, product(1).sku("A").stock(5).build()).await;
    products.archive(a.id, None, &cause(at(1))).await.unwrap();
    let done = products.upsert(&[import(11, "A")], &cause(at(3))).await.unwrap();
    assert_eq!(done, Upserted { updated: vec![a.id], ..Upserted::default() });
    let revived = find(&*products, a.id).await;
    assert_eq!((revived.stock, revived.version, revived.name.as_str()), (a.stock, Version(3), "Product 11"));
    assert_eq!(listed(&*products, search("product"), "name").await, ["Product 11"]);
}

/// For new and existing products; the rest of the import is unaffected.
pub async fn last_occurrence_of_a_sku_in_an_import_counts(h: &impl Stores) {
    let products = h.products();
    insert(&*products, product(1).sku("OLD").build()).await;
    let imports =
        [full(2, "NEW", "first", 1), import(3, "OLD"), import(4, "OTHER"), full(5, "NEW", "last", 2), import(6, "OLD")];
    let done = products.upsert(&imports, &cause(at(3))).await.unwrap();
    assert_eq!(done.created, [product_id(2), product_id(4)]);
    assert_eq!(done.updated.iter().filter(|id| **id == product_id(1)).count(), 1, "{done:?}");
    let names = listed(&*products, ProductFilter::default(), "sku").await;
    assert_eq!(names, ["Product 5", "Product 6", "Product 4"]);
    let new = find(&*products, product_id(2)).await;
    assert_eq!((new.description.as_str(), new.stock.get()), ("last", 2));
}

pub async fn empty_import_changes_nothing(h: &impl Stores) {
    assert_eq!(h.products().upsert(&[], &cause(at(0))).await.unwrap(), Upserted::default());
}

/// The whole import is rolled back.
pub async fn failed_import_changes_nothing(h: &impl Stores) {
    let products = h.products();
    let a = insert(&*products, product(1).sku("A").build()).await;
    // The identifier of the last product is taken.
    let failed = products.upsert(&[import(2, "NEW"), import(3, "A"), import(1, "OTHER")], &cause(at(3))).await;
    assert!(matches!(failed, Err(Fault::Unknown(_))), "{failed:?}");
    assert_eq!(find(&*products, a.id).await, a);
    assert_eq!(listed(&*products, ProductFilter::default(), "sku").await, [a.name.as_str()]);
}

/// In whatever order the imports list it.
pub async fn concurrent_imports_create_a_sku_once(h: &impl Stores) {
    let products = h.products();
    let answers = at_once((0..8).map(|n| {
        let products = products.clone();
        async move {
            let mut imports: Vec<_> = (0..20).map(|i| import(n * 100 + i, &format!("SKU {i}"))).collect();
            imports.rotate_left(usize::try_from(n).unwrap() * 2);
            products.upsert(&imports, &cause(at(1))).await.unwrap()
        }
    }))
    .await;
    assert_eq!(answers.iter().map(|done| done.created.len()).sum::<usize>(), 20);
    assert_eq!(answers.iter().map(|done| done.updated.len()).sum::<usize>(), 140);
    assert_eq!(listed(&*products, ProductFilter::default(), "sku").await.len(), 20);
}
