//! Orders that invalidate the products whose stock they change.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::invalidating;
use entrepot_cached::CachedOrders;
use entrepot_domain::{
    CacheKey, MockCache, Version,
    order::{
        MockOrderRepository, Order, OrderAction, OrderLine, OrderRepository, OrderStatus, Placed, Placement,
        Transitioned,
    },
    product::Quantity,
};
use entrepot_testkit::{at, order_id, product, product_id, transition, user_id};
use futures_executor::block_on;

fn order() -> Order {
    let product = product(1).build();
    Order {
        id: order_id(7),
        user: user_id(1),
        status: OrderStatus::Pending,
        lines: vec![OrderLine {
            product: product.id,
            sku: product.sku,
            name: product.name,
            quantity: Quantity::new(1).unwrap(),
            unit_price: product.price,
            line_total: product.price,
        }],
        total: product.price,
        version: Version::FIRST,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn placement() -> Placement {
    entrepot_testkit::placement(7, user_id(1), &[(1, 1)], at(0))
}

#[test]
fn order_invalidates_its_products() {
    let mut orders = MockOrderRepository::new();
    orders.expect_place().returning(|_| Ok(Placed { order: order(), replayed: false }));
    let cached = CachedOrders::new(Arc::new(orders), invalidating(vec![CacheKey::Product(product_id(1))]));
    block_on(cached.place(&placement())).unwrap();
}

#[test]
fn replay_invalidates_nothing() {
    let mut orders = MockOrderRepository::new();
    orders.expect_place().returning(|_| Ok(Placed { order: order(), replayed: true }));
    let mut cache = MockCache::new();
    cache.expect_invalidate().never();
    block_on(CachedOrders::new(Arc::new(orders), Arc::new(cache)).place(&placement())).unwrap();
}

#[test]
fn transition_invalidates_the_products_that_it_restocks() {
    let mut orders = MockOrderRepository::new();
    orders.expect_transition().returning(|_, _| Ok(Transitioned { order: order(), restocked: vec![product_id(1)] }));
    let cached = CachedOrders::new(Arc::new(orders), invalidating(vec![CacheKey::Product(product_id(1))]));
    block_on(cached.transition(order_id(7), &transition(OrderAction::Cancel, user_id(1), at(0)))).unwrap();
}
