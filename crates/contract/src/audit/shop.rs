//! Products and orders.

use entrepot_domain::{
    Version,
    audit::{AuditAction, Cause, Who},
    order::OrderAction,
    product::{Product, ProductChange, ProductImport, ProductName, Stock},
};
use entrepot_testkit::{
    at, by, cause, gbp, id, new_user, order_id, placement, product, product_id, stock_change, transition, user_id,
};

use super::{about, all};
use crate::Stores;

/// With the old and new values; a stock adjustment with its reason.
pub async fn changes_of_products_are_logged(h: &impl Stores) {
    let (products, staff) = (h.products(), user_id(500));
    let causes: Vec<_> = (1..=4).map(|seconds| by(staff, at(seconds))).collect();
    let mug = product(1).description("blue").build();
    products.insert(&mug, &causes[0]).await.unwrap();
    let change = ProductChange { price: Some(gbp(5)), ..ProductChange::default() };
    let cheap = products.update(mug.id, &change, None, &causes[1]).await.unwrap();
    let counted = stock_change(-3, at(3));
    let fewer = products.adjust_stock(mug.id, &counted, None).await.unwrap();
    products.archive(mug.id, None, &causes[3]).await.unwrap();
    let expected = [
        causes[0].product_created(&mug),
        causes[1].product_updated(&mug, &cheap),
        counted.cause.stock_adjusted(&cheap, &fewer, &counted),
        causes[3].product_archived(&fewer),
    ];
    assert_eq!(expected[1].changes.len(), 1);
    assert_eq!(about(h, mug.id.0).await, expected);
}

/// Refused for a taken sku, a stale version, or insufficient stock.
pub async fn refused_change_of_a_product_is_not_logged(h: &impl Stores) {
    let products = h.products();
    let (mug, cup) = (product(1).stock(1).build(), product(2).build());
    for product in [&mug, &cup] {
        products.insert(product, &cause(at(0))).await.unwrap();
    }
    let (before, why, stale) = (all(h).await, cause(at(1)), Some(Version(9)));
    assert_eq!(before.len(), 2);
    let again = Product { id: product_id(3), ..mug.clone() };
    assert!(products.insert(&again, &why).await.is_err());
    let taken = ProductChange { sku: Some(cup.sku.clone()), ..ProductChange::default() };
    assert!(products.update(mug.id, &taken, None, &why).await.is_err());
    assert!(products.update(mug.id, &ProductChange::default(), stale, &why).await.is_err());
    assert!(products.archive(mug.id, stale, &why).await.is_err());
    assert!(products.archive(product_id(404), None, &why).await.is_err());
    assert!(products.adjust_stock(mug.id, &stock_change(-2, at(1)), None).await.is_err());
    assert_eq!(all(h).await, before);
}

fn import(n: u128, sku: &str, name: &str) -> ProductImport {
    let Product { sku, price, .. } = product(n).sku(sku).build();
    let name = ProductName::parse(name).unwrap();
    ProductImport {
        id: product_id(n),
        sku,
        name,
        price: price.into(),
        description: None,
        stock: Some(Stock::default()),
    }
}

/// One entry per product, in the order of first occurrence, with consecutive identifiers.
pub async fn import_is_logged_per_product(h: &impl Stores) {
    let products = h.products();
    let mug = product(1).sku("MUG").name("Old").stock(7).build();
    products.insert(&mug, &cause(at(0))).await.unwrap();
    let why = Cause { who: Who::CommandLine, origin: None, ..cause(at(1)) };
    let rows =
        [import(2, "CUP", "Cup"), import(3, "MUG", "Newer"), import(4, "CUP", "Better"), import(5, "MUG", "Newest")];
    products.upsert(&rows, &why).await.unwrap();
    let find = async |n| products.find(product_id(n)).await.unwrap().unwrap();
    let (newest, cup) = (find(1).await, find(2).await);
    assert_eq!((newest.name.as_str(), cup.name.as_str()), ("Newest", "Better"));
    let expected = [why.product_imported(0, None, &cup), why.product_imported(1, Some(&mug), &newest)];
    assert_eq!(all(h).await[1..], expected);
    assert_eq!(expected[1].id, id(why.id.as_u128() + 1));
    // A failed import has no entry: the identifier is taken.
    let failed = products.upsert(&[import(6, "JUG", "Jug"), import(1, "POT", "Pot")], &cause(at(2))).await;
    assert!(failed.is_err(), "{failed:?}");
    assert_eq!(all(h).await.len(), 3);
}

/// With the initiator. Placing an order has an event, and no entry in the log.
pub async fn changes_of_orders_are_logged(h: &impl Stores) {
    let ada = new_user("ada");
    h.users().insert(&ada, &cause(at(0))).await.unwrap();
    h.products().insert(&product(7).build(), &cause(at(0))).await.unwrap();
    let before = all(h).await;
    let orders = h.orders();
    let placed = orders.place(&placement(1, ada.user.id, &[(7, 2)], at(1))).await.unwrap().order;
    assert_eq!(all(h).await, before);

    let pay = transition(OrderAction::Pay, user_id(500), at(2));
    let paid = orders.transition(placed.id, &pay).await.unwrap().order;
    let cancel = transition(OrderAction::Cancel, ada.user.id, at(3));
    let cancelled = orders.transition(placed.id, &cancel).await.unwrap().order;
    assert!(orders.transition(placed.id, &transition(OrderAction::Ship, user_id(500), at(4))).await.is_err());
    assert!(orders.transition(order_id(404), &transition(OrderAction::Pay, user_id(500), at(4))).await.is_err());
    let expected = [
        pay.cause.order_status_changed(&paid, placed.status),
        cancel.cause.order_status_changed(&cancelled, paid.status),
    ];
    assert_eq!(about(h, placed.id.0).await, expected);
    // The restored stock has no entry of its own.
    let about_stock = about(h, product_id(7).0).await;
    assert!(about_stock.iter().all(|entry| entry.action == AuditAction::ProductCreated), "{about_stock:?}");
}
