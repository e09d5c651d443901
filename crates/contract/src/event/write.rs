//! The events that business operations write.

use std::collections::HashMap;

use entrepot_domain::{
    ProductId, Version,
    event::EventData,
    order::OrderAction::{Cancel, Pay, Refund},
    product::{Product, ProductChange, ProductImport, Stock, StockReason},
};
use entrepot_testkit::{
    at, at_key, cause, new_user, order_id, placement, product, product_id, product_import, stock_change, transition,
    user_id,
};

use super::{all, insert, place, since};
use crate::{Stores, at_once, user};

fn stock_changed(
    product: &Product,
    delta: i64,
    stock: i64,
    reason: &str,
    order: Option<u128>,
    version: i64,
) -> EventData {
    EventData::StockChanged {
        product: product.id,
        sku: product.sku.clone(),
        delta,
        stock: Stock::new(stock).unwrap(),
        reason: StockReason::parse(reason).unwrap(),
        order: order.map(order_id),
        version: Version(version),
    }
}

/// In the order of its lines. A replayed order is told once.
pub async fn order_is_told_with_its_stock(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    let (a, b) = (insert(h, product(1).stock(10).build()).await, insert(h, product(2).stock(5).build()).await);
    let before = all(h).await.len();
    let wanted = at_key("once", placement(1, ada, &[(2, 1), (1, 4)], at(7)));
    let order = place(h, &wanted).await;
    assert!(h.orders().place(&wanted).await.unwrap().replayed);
    let expected = [
        EventData::order_created(&order),
        stock_changed(&b, -1, 4, "order.placed", Some(1), 2),
        stock_changed(&a, -4, 6, "order.placed", Some(1), 2),
    ];
    assert_eq!(since(h, before).await, expected);
    let events = all(h).await;
    assert!(events[before..].iter().all(|event| event.at == at(7)));
    assert!(events.iter().map(|event| event.id.to_string()).is_sorted_by(|one, other| one < other));
    // As it was then, whatever became of it.
    h.orders().transition(order.id, &transition(Pay, user_id(77), at(9))).await.unwrap();
    assert_eq!(all(h).await[..events.len()], events);
}

/// Concurrent ones, that may be placed in one transaction: each tells what it left.
pub async fn orders_of_one_product_are_told_in_the_order_of_its_versions(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    for n in 1..=3 {
        insert(h, product(n).stock(1_000).build()).await;
    }
    let orders = (1..=40).map(|n| {
        let orders = h.orders();
        let lines = [(1, 1), (2 + n % 2, 2)];
        async move { orders.place(&placement(n, ada, &lines, at(1))).await.unwrap().order }
    });
    let placed = at_once(orders).await;
    let mut left: HashMap<ProductId, (i64, i64)> = (1..=3).map(|n| (product_id(n), (1_000, 1))).collect();
    let mut told = Vec::new();
    for event in all(h).await {
        match event.data {
            EventData::OrderCreated { order, .. } => told.push(order),
            EventData::StockChanged { product, delta, stock, order, version, .. } => {
                let (before, old) = left.insert(product, (stock.get(), version.0)).unwrap();
                assert_eq!((before + delta, old + 1), (stock.get(), version.0));
                assert_eq!(order, told.last().copied(), "the order is told before its stock");
            }
            _ => {}
        }
    }
    assert_eq!(left[&product_id(1)], (960, 41));
    let (mut placed, mut told) = (placed.iter().map(|order| order.id).collect::<Vec<_>>(), told);
    placed.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, placed);
}

pub async fn cancelled_order_tells_of_the_returned_stock(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    let (a, b) = (insert(h, product(1).stock(10).build()).await, insert(h, product(2).stock(5).build()).await);
    let order = place(h, &placement(1, ada, &[(2, 1), (1, 4)], at(7))).await;
    h.products().archive(b.id, None, &cause(at(8))).await.unwrap();
    let before = all(h).await.len();
    let done = h.orders().transition(order.id, &transition(Cancel, user_id(77), at(9))).await.unwrap().order;
    let expected = [
        EventData::order_status_changed(&done, order.status),
        stock_changed(&b, 1, 5, "order.cancelled", Some(1), 4),
        stock_changed(&a, 4, 10, "order.cancelled", Some(1), 3),
    ];
    assert_eq!(since(h, before).await, expected);
    assert_eq!(all(h).await.last().unwrap().at, at(9));
}

/// A refund gives nothing back.
pub async fn change_of_status_is_told(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    insert(h, product(1).build()).await;
    let placed = place(h, &placement(1, ada, &[(1, 1)], at(7))).await;
    let before = all(h).await.len();
    let paid = h.orders().transition(placed.id, &transition(Pay, user_id(77), at(8))).await.unwrap().order;
    let refunded = h.orders().transition(placed.id, &transition(Refund, user_id(77), at(9))).await.unwrap().order;
    let expected = [
        EventData::order_status_changed(&paid, placed.status),
        EventData::order_status_changed(&refunded, paid.status),
    ];
    assert_eq!(since(h, before).await, expected);
}

/// A restored product is one that was updated.
pub async fn changes_of_products_are_told(h: &impl Stores) {
    let products = h.products();
    let created = insert(h, product(1).stock(10).build()).await;
    let change = ProductChange { sku: Some(product(2).build().sku), ..ProductChange::default() };
    let updated = products.update(created.id, &change, None, &cause(at(1))).await.unwrap();
    let adjusted = products.adjust_stock(created.id, &stock_change(-3, at(2)), None).await.unwrap();
    products.archive(created.id, None, &cause(at(3))).await.unwrap();
    let restored = products.restore(created.id, None, &cause(at(4))).await.unwrap();
    products.restore(created.id, None, &cause(at(5))).await.unwrap();
    let expected = [
        EventData::product_created(&created),
        EventData::product_updated(&updated),
        stock_changed(&updated, -3, 7, stock_change(-3, at(2)).reason.as_str(), None, 3),
        EventData::product_archived(&Product { version: Version(4), ..adjusted }),
        EventData::product_updated(&restored),
    ];
    assert_eq!(since(h, 0).await, expected);
    let times: Vec<_> = all(h).await.iter().map(|event| event.at).collect();
    assert_eq!(times, (0..5).map(at).collect::<Vec<_>>());
}

/// A stock that it changed is told too.
pub async fn import_is_told(h: &impl Stores) {
    let products = h.products();
    let old = insert(h, product(1).stock(10).build()).await;
    let stock = |n, stock| ProductImport { stock, ..product_import(&product(n).build()) };
    let imports = [stock(1, Some(Stock::new(4).unwrap())), stock(2, Some(Stock::new(9).unwrap())), stock(1, None)];
    let done = products.upsert(&imports, &cause(at(3))).await.unwrap();
    assert_eq!((done.created.len(), done.updated.len()), (1, 1));
    let is = products.find(old.id).await.unwrap().unwrap();
    let new = products.find(product_id(2)).await.unwrap().unwrap();
    let expected = [
        EventData::product_updated(&is),
        stock_changed(&old, -6, 4, "import", None, is.version.0),
        EventData::product_created(&new),
    ];
    assert_eq!(since(h, 1).await, expected);
}

pub async fn users_are_told(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    h.users().erase(ada, None, &cause(at(5))).await.unwrap();
    assert_eq!(since(h, 0).await, [EventData::UserRegistered { user: ada }, EventData::UserDeleted { user: ada }]);
}

pub async fn refused_changes_are_not_told(h: &impl Stores) {
    let ada = user::insert(&*h.users(), "ada").await.id;
    let sold = insert(h, product(1).stock(1).build()).await;
    let order = place(h, &placement(1, ada, &[(1, 1)], at(7))).await;
    let before = all(h).await.len();
    assert!(h.orders().place(&placement(2, ada, &[(1, 1)], at(7))).await.is_err());
    assert!(h.orders().place(&placement(3, ada, &[(9, 1)], at(7))).await.is_err());
    assert!(h.orders().transition(order.id, &transition(Refund, user_id(77), at(8))).await.is_err());
    assert!(h.products().insert(&product(5).sku(sold.sku.as_str()).build(), &cause(at(8))).await.is_err());
    assert!(h.products().adjust_stock(sold.id, &stock_change(-3, at(8)), None).await.is_err());
    assert!(h.users().insert(&new_user("ada"), &cause(at(8))).await.is_err());
    assert_eq!(since(h, before).await, []);
}
