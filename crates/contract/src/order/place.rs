//! Placing orders.

use std::collections::HashMap;

use entrepot_domain::{
    Money, Version,
    order::{Order, OrderEvent, OrderEventKind, OrderLine, OrderStatus, PlaceError, Refusal, Shortage},
    product::{Product, ProductChange, ProductImport, ProductName, Quantity, Sku, Stock},
};
use entrepot_testkit::{at, cause, gbp, money, order_id, placement, product, product_id, product_import, user_id};

use super::{assert_no_order, buyer, left, order_of_three, place, product_of, stock};
use crate::{Stores, at_once};

fn line(product: Product, quantity: i64) -> OrderLine {
    let count = Quantity::new(quantity).unwrap();
    OrderLine {
        product: product.id,
        sku: product.sku,
        name: product.name,
        quantity: count,
        unit_price: product.price,
        line_total: product.price.times(count.get()).unwrap(),
    }
}

/// Checks stock, version, lines, total and event.
pub async fn order_takes_stock_and_is_found(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    let (mug, cup) = (product(1).price(250).stock(10).build(), product(2).price(99).stock(7).build());
    stock(h, [mug.clone(), cup.clone(), product(3).build()]).await;

    let placed = place(&*h.orders(), &placement(1, ada, &[(1, 3), (2, 7)], at(10))).await;
    let expected = Order {
        id: order_id(1),
        user: ada,
        status: OrderStatus::Pending,
        lines: vec![line(mug.clone(), 3), line(cup.clone(), 7)],
        total: gbp(3 * 250 + 7 * 99),
        version: Version::FIRST,
        created_at: at(10),
        updated_at: at(10),
    };
    assert_eq!(placed, expected);
    assert_eq!(h.orders().find(order_id(1)).await.unwrap(), Some(expected));

    let count = |count| Stock::new(count).unwrap();
    assert_eq!(product_of(h, 1).await, Product { stock: count(7), version: Version(2), updated_at: at(10), ..mug });
    assert_eq!(product_of(h, 2).await, Product { stock: count(0), version: Version(2), updated_at: at(10), ..cup });
    assert_eq!(product_of(h, 3).await, product(3).build());

    let events = h.orders().events(order_id(1)).await.unwrap();
    let (kind, actor) = (OrderEventKind::Created, ada);
    assert_eq!(
        events,
        [OrderEvent { sequence: events[0].sequence, order: order_id(1), kind, actor: Some(actor), at: at(10) }]
    );
    assert!(events[0].sequence > 0);
    assert_no_order(h, order_id(2)).await;
}

/// Lines of one product are merged at the first.
pub async fn lines_keep_the_order_of_the_request(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, (1..=12).map(|n| product(n).stock(20).build())).await;
    let asked = [(7, 1), (12, 2), (1, 3), (7, 4), (11, 5), (2, 6), (12, 7)];
    let placed = place(&*h.orders(), &placement(1, ada, &asked, at(1))).await;
    let found = h.orders().find(order_id(1)).await.unwrap().unwrap();
    assert_eq!(found, placed);
    let lines: Vec<_> = found.lines.iter().map(|line| (line.product, line.quantity.get())).collect();
    assert_eq!(lines, [(7, 5), (12, 9), (1, 3), (11, 5), (2, 6)].map(|(n, quantity)| (product_id(n), quantity)));
    assert_eq!(left(h, 7).await, (15, 2), "a product that is named twice changes once");
}

pub async fn order_keeps_product_data_as_placed(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    let change = ProductChange {
        sku: Some(Sku::parse("NEW").unwrap()),
        name: Some(ProductName::parse("New").unwrap()),
        price: Some(gbp(1)),
        keeps_currency: false,
        description: None,
    };
    h.products().update(product_id(1), &change, None, &cause(at(11))).await.unwrap();
    h.products().archive(product_id(1), None, &cause(at(12))).await.unwrap();
    assert_eq!(h.orders().find(order.id).await.unwrap(), Some(order));
}

/// In basket order, with the stock.
pub async fn every_short_product_is_listed_and_no_stock_taken(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(1).build(), product(2).stock(9).build(), product(3).stock(0).build()]).await;
    let refused = h.orders().place(&placement(1, ada, &[(3, 1), (2, 9), (1, 2)], at(1))).await;
    let Err(PlaceError::Refused(Refusal::InsufficientStock(short))) = refused else { panic!("{refused:?}") };
    let shortage = |n, wanted, left| Shortage {
        product: product_id(n),
        sku: product(n).build().sku,
        wanted: Quantity::new(wanted).unwrap(),
        left: Stock::new(left).unwrap(),
    };
    assert_eq!(short, [shortage(3, 1, 0), shortage(1, 2, 1)]);
    for (n, count) in [(1, 1), (2, 9), (3, 0)] {
        assert_eq!(left(h, n).await, (count, 1), "product {n}");
    }
    assert_no_order(h, order_id(1)).await;
}

/// In basket order, and before short products.
pub async fn every_unknown_product_is_reported(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(1).build()]).await;
    let refused = h.orders().place(&placement(1, ada, &[(9, 1), (1, 5), (8, 1)], at(1))).await;
    let Err(PlaceError::Refused(Refusal::UnknownProducts(unknown))) = refused else { panic!("{refused:?}") };
    assert_eq!(unknown, [product_id(9), product_id(8)]);
    assert_eq!(left(h, 1).await, (1, 1));
    assert_no_order(h, order_id(1)).await;
}

pub async fn archived_product_is_not_sold(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).build(), product(2).build()]).await;
    h.products().archive(product_id(2), None, &cause(at(1))).await.unwrap();
    let refused = h.orders().place(&placement(1, ada, &[(1, 1), (2, 1)], at(2))).await;
    let Err(PlaceError::Refused(Refusal::UnknownProducts(unknown))) = refused else { panic!("{refused:?}") };
    assert_eq!(unknown, [product_id(2)]);
    assert_eq!(left(h, 1).await, (100, 1));
}

/// The order has the currency of the first product.
pub async fn several_currencies_are_refused(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).build(), product(2).money(money(5, "EUR")).build()]).await;
    let refused = h.orders().place(&placement(1, ada, &[(2, 1), (1, 1)], at(2))).await;
    let Err(PlaceError::Refused(Refusal::MixedCurrencies(foreign))) = refused else { panic!("{refused:?}") };
    assert_eq!(foreign, [product_id(1)]);
    assert_eq!(left(h, 2).await, (100, 1));
    let order = place(&*h.orders(), &placement(2, ada, &[(2, 3)], at(3))).await;
    assert_eq!(h.orders().find(order_id(2)).await.unwrap(), Some(order));
}

pub async fn too_large_total_is_refused_by_the_store(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).price(Money::MAX).build(), product(2).price(1).build()]).await;
    let refused = h.orders().place(&placement(1, ada, &[(1, 1), (2, 1)], at(1))).await;
    let Err(PlaceError::Refused(Refusal::TotalTooLarge(id))) = refused else { panic!("{refused:?}") };
    assert_eq!(id, product_id(2));
    assert_eq!((left(h, 1).await, left(h, 2).await), ((100, 1), (100, 1)));
    assert_eq!(place(&*h.orders(), &placement(2, ada, &[(1, 1)], at(1))).await.total, gbp(Money::MAX));
}

/// A failed transaction is rolled back.
pub async fn order_of_an_unknown_user_takes_no_stock(h: &impl Stores) {
    stock(h, [product(1).build()]).await;
    let failed = h.orders().place(&placement(1, user_id(404), &[(1, 1)], at(1))).await;
    assert!(matches!(failed, Err(PlaceError::Fault(_))), "{failed:?}");
    assert_eq!(left(h, 1).await, (100, 1));
    assert_no_order(h, order_id(1)).await;
}

pub async fn basket_may_have_two_thousand_lines(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    let mug = |n| ProductImport { stock: Some(Stock::new(5).unwrap()), ..product_import(&product(n).price(3).build()) };
    let imports: Vec<_> = (1..=2_000).map(mug).collect();
    h.products().upsert(&imports, &cause(at(0))).await.unwrap();
    let asked: Vec<_> = (1..=2_000).rev().map(|n| (n, 2)).collect();
    let order = place(&*h.orders(), &placement(1, ada, &asked, at(1))).await;
    assert_eq!((order.lines.len(), order.total), (2_000, gbp(12_000)));
    assert_eq!(h.orders().find(order_id(1)).await.unwrap(), Some(order));
    for n in [1, 1_000, 2_000] {
        assert_eq!(left(h, n).await, (3, 2), "product {n}");
    }
}

pub async fn one_of_fifty_buyers_gets_the_last_unit(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(1).build()]).await;
    let answers = at_once((1..=50).map(|n| {
        let orders = h.orders();
        async move { orders.place(&placement(n, ada, &[(1, 1)], at(1))).await }
    }))
    .await;
    let won: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for answer in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        let PlaceError::Refused(Refusal::InsufficientStock(short)) = answer else { panic!("{answer:?}") };
        assert_eq!(short[0].left.get(), 0);
    }
    assert_eq!(left(h, 1).await, (0, 2));
    for n in (1..=50).map(order_id).filter(|id| *id != won[0].order.id) {
        assert_no_order(h, n).await;
    }
}

pub async fn baskets_in_different_orders_do_not_deadlock(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, (1..=10).map(|n| product(n).stock(1_000).build())).await;
    let answers = at_once((0..40).map(|n| {
        let orders = h.orders();
        let mut asked: Vec<_> = (1..=10).map(|product| (product, 1)).collect();
        asked.rotate_left(usize::try_from(n % 10).unwrap());
        if n % 2 == 0 {
            asked.reverse();
        }
        async move { orders.place(&placement(n + 1, ada, &asked, at(1))).await }
    }))
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    for n in 1..=10 {
        assert_eq!(left(h, n).await, (960, 41), "product {n}");
    }
}

/// Also if several orders are committed together.
pub async fn refused_orders_do_not_affect_concurrent_ones(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(1_000).build(), product(2).stock(0).build()]).await;
    let answers = at_once((1..=60).map(|n| {
        let orders = h.orders();
        // Every third order also has a product that is sold out.
        let asked = if n % 3 == 0 { vec![(1, 1), (2, 1)] } else { vec![(1, 1)] };
        async move { (n, orders.place(&placement(n, ada, &asked, at(1))).await) }
    }))
    .await;
    let answers: HashMap<_, _> = answers.into_iter().collect();
    for (n, answer) in &answers {
        assert_eq!(answer.is_ok(), n % 3 != 0, "order {n}: {answer:?}");
        assert_eq!(h.orders().find(order_id(*n)).await.unwrap().is_some(), n % 3 != 0, "order {n}");
    }
    assert_eq!(left(h, 1).await, (960, 41));
}
