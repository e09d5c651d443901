//! The contract of [`ProductRepository`].

mod list;
mod restore;
mod upsert;

use entrepot_domain::{
    Description, Money, ProductId, Version,
    product::{Product, ProductChange, ProductError, ProductFilter, ProductName, ProductRepository, Sku, Stock},
};
use entrepot_testkit::{at, cause, gbp, money, product, product_id, stock_change};

use crate::{Stores, at_once};

pub use list::*;
pub use restore::*;
pub use upsert::*;

/// Generates a test per case: `entrepot_contract::product_suite!(harness())`.
#[macro_export]
macro_rules! product_suite {
    ($harness:expr) => {
        $crate::suite! { product, $harness,
            inserted_product_is_found,
            taken_sku_is_refused,
            skus_are_case_sensitive,
            sku_of_an_archived_product_can_be_used_again,
            restored_product_is_found_again,
            product_with_a_taken_sku_is_not_restored,
            import_restores_the_last_archived_product_of_a_sku,
            one_of_two_inserts_of_the_same_sku_succeeds,
            product_update_changes_only_the_given_fields,
            sku_of_another_product_is_refused,
            stale_version_of_a_product_is_refused,
            unknown_product_cannot_be_changed,
            one_of_two_changes_of_the_same_product_version_succeeds,
            archived_product_is_not_found,
            several_products_are_found_at_once,
            stock_is_adjusted,
            stock_does_not_become_negative,
            stock_does_not_exceed_the_maximum,
            concurrent_stock_adjustments_add_up,
            last_unit_is_taken_once,
            import_creates_new_products,
            import_updates_existing_products,
            import_without_a_currency_keeps_the_products_currency,
            import_refuses_only_prices_that_the_currency_cannot_express,
            import_restores_archived_products,
            last_occurrence_of_a_sku_in_an_import_counts,
            empty_import_changes_nothing,
            failed_import_changes_nothing,
            concurrent_imports_create_a_sku_once,
            product_search_ignores_case_and_wildcards,
            words_of_every_length_are_found,
            only_what_is_for_sale_is_found,
            products_are_filtered_by_price_and_stock,
            prices_are_compared_within_one_currency,
            names_are_sorted_as_people_do,
            page_of_products_has_the_total_count,
            keyset_and_page_listings_of_products_agree,
            keyset_listings_apply_the_filter,
            place_remains_valid_after_its_product_is_archived,
        }
    };
}

async fn insert(products: &dyn ProductRepository, product: Product) -> Product {
    products.insert(&product, &cause(at(0))).await.unwrap();
    product
}

fn rename(name: &str) -> ProductChange {
    ProductChange { name: Some(ProductName::parse(name).unwrap()), ..ProductChange::default() }
}

fn resku(sku: &str) -> ProductChange {
    ProductChange { sku: Some(Sku::parse(sku).unwrap()), ..ProductChange::default() }
}

async fn find(products: &dyn ProductRepository, id: ProductId) -> Product {
    products.find(id).await.unwrap().unwrap()
}

/// With the maximum values.
pub async fn inserted_product_is_found(h: &impl Stores) {
    let products = h.products();
    let plain = insert(&*products, product(1).build()).await;
    let great = product(2)
        .name("Æbleskivepande")
        .description("one\ntwo\té")
        .money(money(Money::MAX, "JPY"))
        .stock(Stock::MAX)
        .created_at(at(1) + chrono::Duration::milliseconds(1));
    let great = insert(&*products, great.build()).await;
    assert_eq!(products.find(plain.id).await.unwrap(), Some(plain));
    assert_eq!(products.find(great.id).await.unwrap(), Some(great));
    assert_eq!(products.find(product_id(404)).await.unwrap(), None);
}

pub async fn taken_sku_is_refused(h: &impl Stores) {
    let products = h.products();
    insert(&*products, product(1).sku("MUG").build()).await;
    let refused = products.insert(&product(2).sku("MUG").build(), &cause(at(0))).await;
    assert!(matches!(refused, Err(ProductError::SkuTaken)), "{refused:?}");
    assert_eq!(products.find(product_id(2)).await.unwrap(), None);
}

pub async fn skus_are_case_sensitive(h: &impl Stores) {
    let products = h.products();
    insert(&*products, product(1).sku("15056bl").build()).await;
    insert(&*products, product(2).sku("15056BL").build()).await;
    assert_eq!(find(&*products, product_id(1)).await.sku.as_str(), "15056bl");
    assert_eq!(find(&*products, product_id(2)).await.sku.as_str(), "15056BL");
}

/// Existing orders keep the archived product.
pub async fn sku_of_an_archived_product_can_be_used_again(h: &impl Stores) {
    let products = h.products();
    for n in 1..=3 {
        let mug = insert(&*products, product(n).sku("MUG").build()).await;
        let refused = products.insert(&product(n + 100).sku("MUG").build(), &cause(at(0))).await;
        assert!(matches!(refused, Err(ProductError::SkuTaken)), "{refused:?}");
        products.archive(mug.id, None, &cause(at(1))).await.unwrap();
    }
    let other = insert(&*products, product(4).sku("CUP").build()).await;
    let renamed = products.update(other.id, &resku("MUG"), None, &cause(at(2))).await.unwrap();
    assert_eq!(renamed.sku.as_str(), "MUG");
}

pub async fn one_of_two_inserts_of_the_same_sku_succeeds(h: &impl Stores) {
    let products = h.products();
    let answers = at_once((1..=8).map(|n| {
        let products = products.clone();
        async move { products.insert(&product(n).sku("MUG").build(), &cause(at(0))).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let taken = |answer: &&Result<(), ProductError>| matches!(answer, Err(ProductError::SkuTaken));
    assert_eq!(answers.iter().filter(taken).count(), 7, "{answers:?}");
}

/// The version is incremented.
pub async fn product_update_changes_only_the_given_fields(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).description("blue").stock(7).build()).await;
    let changed = products.update(mug.id, &rename("Mug"), Some(Version(1)), &cause(at(9))).await.unwrap();
    let name = ProductName::parse("Mug").unwrap();
    assert_eq!(changed, Product { name, version: Version(2), updated_at: at(9), ..mug.clone() });
    assert_eq!(find(&*products, mug.id).await, changed);

    let change = ProductChange {
        sku: Some(Sku::parse("NEW").unwrap()),
        name: None,
        description: Some(Description::parse("").unwrap()),
        price: Some(money(5, "EUR")),
        keeps_currency: false,
    };
    let again = products.update(mug.id, &change, None, &cause(at(10))).await.unwrap();
    let expected = Product {
        sku: Sku::parse("NEW").unwrap(),
        description: Description::default(),
        price: money(5, "EUR"),
        version: Version(3),
        updated_at: at(10),
        ..changed
    };
    assert_eq!(again, expected);
    assert_eq!(find(&*products, mug.id).await, expected);
    let dearer = ProductChange { price: Some(gbp(7)), keeps_currency: true, ..ProductChange::default() };
    let dearer = products.update(mug.id, &dearer, None, &cause(at(11))).await.unwrap();
    assert_eq!(dearer.price, money(7, "EUR"));
    assert_eq!(find(&*products, mug.id).await, dearer);
    // Its old sku can be used again.
    insert(&*products, product(2).sku("SKU-1").build()).await;
}

/// Nothing is changed. A product may keep its own sku.
pub async fn sku_of_another_product_is_refused(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).sku("MUG").build()).await;
    insert(&*products, product(2).sku("CUP").build()).await;
    let change = ProductChange { price: Some(gbp(1)), ..resku("CUP") };
    let refused = products.update(mug.id, &change, None, &cause(at(1))).await;
    assert!(matches!(refused, Err(ProductError::SkuTaken)), "{refused:?}");
    assert_eq!(find(&*products, mug.id).await, mug);
    products.update(mug.id, &resku("MUG"), None, &cause(at(1))).await.unwrap();
}

/// For every kind of change.
pub async fn stale_version_of_a_product_is_refused(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).build()).await;
    let stale = Some(Version(2));
    let update = products.update(mug.id, &rename("Mug"), stale, &cause(at(1))).await;
    assert!(matches!(update, Err(ProductError::VersionConflict)), "{update:?}");
    let archive = products.archive(mug.id, stale, &cause(at(1))).await;
    assert!(matches!(archive, Err(ProductError::VersionConflict)), "{archive:?}");
    let adjust = products.adjust_stock(mug.id, &stock_change(1, at(1)), stale).await;
    assert!(matches!(adjust, Err(ProductError::VersionConflict)), "{adjust:?}");
    assert_eq!(find(&*products, mug.id).await, mug);
}

async fn assert_not_found(products: &dyn ProductRepository, id: ProductId, expected: Option<Version>) {
    let update = products.update(id, &rename("Mug"), expected, &cause(at(5))).await;
    assert!(matches!(update, Err(ProductError::NotFound)), "{update:?}");
    let archive = products.archive(id, expected, &cause(at(5))).await;
    assert!(matches!(archive, Err(ProductError::NotFound)), "{archive:?}");
    let adjust = products.adjust_stock(id, &stock_change(1, at(5)), expected).await;
    assert!(matches!(adjust, Err(ProductError::NotFound)), "{adjust:?}");
}

/// With and without an expected version.
pub async fn unknown_product_cannot_be_changed(h: &impl Stores) {
    assert_not_found(&*h.products(), product_id(404), None).await;
    assert_not_found(&*h.products(), product_id(404), Some(Version(1))).await;
}

pub async fn one_of_two_changes_of_the_same_product_version_succeeds(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).build()).await;
    let answers = at_once((0..8).map(|n| {
        let products = products.clone();
        async move { products.update(mug.id, &rename(&format!("Mug {n}")), Some(Version(1)), &cause(at(1))).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(find(&*products, mug.id).await.version, Version(2));
}

/// Checks every method.
pub async fn archived_product_is_not_found(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).build()).await;
    let cup = insert(&*products, product(2).build()).await;
    products.archive(mug.id, Some(Version(1)), &cause(at(1))).await.unwrap();
    assert_eq!(products.find(mug.id).await.unwrap(), None);
    assert_eq!(listed(&*products, ProductFilter::default(), "name").await, [cup.name.as_str()]);
    assert_not_found(&*products, mug.id, None).await;
}

/// Without those that are archived or never were there.
pub async fn several_products_are_found_at_once(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).build()).await;
    let cup = insert(&*products, product(2).build()).await;
    let jar = insert(&*products, product(3).build()).await;
    products.archive(jar.id, None, &cause(at(1))).await.unwrap();
    let mut found = products.find_many(&[cup.id, jar.id, product_id(404), mug.id, cup.id]).await.unwrap();
    found.sort_by_key(|product| product.id);
    assert_eq!(found, [mug, cup]);
    assert_eq!(products.find_many(&[]).await.unwrap(), []);
}

pub async fn stock_is_adjusted(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).stock(5).build()).await;
    let more = products.adjust_stock(mug.id, &stock_change(3, at(1)), Some(Version(1))).await.unwrap();
    let stock = |count| Stock::new(count).unwrap();
    assert_eq!(more, Product { stock: stock(8), version: Version(2), updated_at: at(1), ..mug.clone() });
    let none = products.adjust_stock(mug.id, &stock_change(-8, at(2)), None).await.unwrap();
    assert_eq!(none, Product { stock: stock(0), version: Version(3), updated_at: at(2), ..mug.clone() });
    assert_eq!(find(&*products, mug.id).await, none);
}

/// The error has the present stock.
pub async fn stock_does_not_become_negative(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).stock(5).build()).await;
    for delta in [-6, i64::MIN] {
        let refused = products.adjust_stock(mug.id, &stock_change(delta, at(1)), None).await;
        assert!(
            matches!(refused, Err(ProductError::InsufficientStock { left }) if left == mug.stock),
            "{delta}: {refused:?}"
        );
    }
    assert_eq!(find(&*products, mug.id).await, mug);
}

pub async fn stock_does_not_exceed_the_maximum(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).stock(Stock::MAX - 1).build()).await;
    for delta in [2, i64::MAX] {
        let refused = products.adjust_stock(mug.id, &stock_change(delta, at(1)), None).await;
        assert!(matches!(refused, Err(ProductError::TooMuchStock)), "{delta}: {refused:?}");
    }
    assert_eq!(find(&*products, mug.id).await, mug);
    let most = products.adjust_stock(mug.id, &stock_change(1, at(1)), None).await.unwrap();
    assert_eq!(most.stock.get(), Stock::MAX);
}

pub async fn concurrent_stock_adjustments_add_up(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).stock(0).build()).await;
    at_once((1..=20).map(|delta| {
        let products = products.clone();
        async move { products.adjust_stock(mug.id, &stock_change(delta, at(1)), None).await.unwrap() }
    }))
    .await;
    let found = find(&*products, mug.id).await;
    assert_eq!((found.stock.get(), found.version), (210, Version(21)));
}

pub async fn last_unit_is_taken_once(h: &impl Stores) {
    let products = h.products();
    let mug = insert(&*products, product(1).stock(1).build()).await;
    let answers = at_once((0..8).map(|_| {
        let products = products.clone();
        async move { products.adjust_stock(mug.id, &stock_change(-1, at(1)), None).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let short = |answer: &&Result<Product, ProductError>| matches!(answer, Err(ProductError::InsufficientStock { left }) if left.get() == 0);
    assert_eq!(answers.iter().filter(short).count(), 7, "{answers:?}");
}
