//! Products.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{clock, customer, ids, now, origin, product, staff};
use entrepot_application::{
    Error,
    product::{NewProduct, ProductPorts, ProductService},
};
use entrepot_domain::product::{MockProductRepository, ProductChange, ProductError, Stock, StockReason};
use futures_executor::block_on;

fn service(products: MockProductRepository) -> ProductService {
    ProductService::new(ProductPorts { products: Arc::new(products), clock: clock(), ids: ids() })
}

fn new() -> NewProduct {
    let product = product(1);
    NewProduct {
        sku: product.sku,
        name: product.name,
        description: product.description,
        price: product.price,
        stock: product.stock,
    }
}

#[test]
fn only_staff_change_the_catalogue() {
    let service = service(MockProductRepository::new());
    let (actor, id) = (customer(1), product(1).id);
    let reason = StockReason::parse("found").unwrap();
    let refused = [
        block_on(service.create(&actor, new(), &origin())).unwrap_err(),
        block_on(service.update(&actor, id, &ProductChange::default(), None, &origin())).unwrap_err(),
        block_on(service.archive(&actor, id, None, &origin())).unwrap_err(),
        block_on(service.restore(&actor, id, None, &origin())).unwrap_err(),
        block_on(service.adjust_stock(&actor, id, 1, reason, None, &origin())).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, Error::Forbidden)), "{refused:?}");
}

#[test]
fn staff_create_products() {
    let mut products = MockProductRepository::new();
    products.expect_insert().times(1).returning(|_, _| Ok(()));
    let made = block_on(service(products).create(&staff(), new(), &origin())).unwrap();
    assert_eq!((made.sku.as_str(), made.version.0, made.created_at), ("S1", 1, now()));
}

#[test]
fn insufficient_stock_reports_the_stock() {
    let mut products = MockProductRepository::new();
    products
        .expect_adjust_stock()
        .returning(|_, _, _| Err(ProductError::InsufficientStock { left: Stock::new(3).unwrap() }));
    let reason = StockReason::parse("broken").unwrap();
    let error =
        block_on(service(products).adjust_stock(&staff(), product(1).id, -5, reason, None, &origin())).unwrap_err();
    let Error::InsufficientStock(short) = error else { panic!("{error:?}") };
    assert_eq!((short[0].field.as_str(), short[0].wanted, short[0].left.get()), ("delta", 5, 3));
}
