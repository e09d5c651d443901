//! Products that are cached.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{TTL, filling, invalidating};
use entrepot_cached::CachedProducts;
use entrepot_domain::{
    CacheKey, CachedValue, Lookup, MetricSource, MockCache, Ticket,
    product::{MockProductRepository, Product, ProductChange, ProductRepository, Upserted},
};
use entrepot_testkit::{at, cause, product_id, stock_change};
use futures_executor::block_on;

fn product() -> Product {
    entrepot_testkit::product(1).name("Mug").description("Holds tea.\nMostly.").price(295).stock(3).build()
}

#[test]
fn product_is_loaded_once_and_comes_back_whole() {
    let mut products = MockProductRepository::new();
    products.expect_find().times(1).returning(|_| Ok(Some(product())));
    let cached = CachedProducts::new(Arc::new(products), filling(CacheKey::Product(product_id(1))), TTL);
    for _ in 0..2 {
        assert_eq!(block_on(cached.find(product_id(1))).unwrap(), Some(product()));
    }
    let counts: Vec<_> = cached.samples().into_iter().map(|sample| (sample.name, sample.value)).collect();
    assert_eq!(counts, [("cache_hits_total", 1.0), ("cache_misses_total", 1.0), ("cache_loads_total", 1.0)]);
}

#[test]
fn bytes_that_do_not_parse_are_loaded_anew() {
    let mut cache = MockCache::new();
    cache.expect_get().returning(|_| Lookup::Hit(CachedValue::from(*b"\xff\xff\xff")));
    let mut products = MockProductRepository::new();
    products.expect_find().times(1).returning(|_| Ok(Some(product())));
    let cached = CachedProducts::new(Arc::new(products), Arc::new(cache), TTL);
    assert_eq!(block_on(cached.find(product_id(1))).unwrap(), Some(product()));
}

#[test]
fn absence_is_not_cached() {
    let mut cache = MockCache::new();
    cache.expect_get().returning(|_| Lookup::Miss(Ticket(0)));
    cache.expect_put().never();
    let mut products = MockProductRepository::new();
    products.expect_find().returning(|_| Ok(None));
    let cached = CachedProducts::new(Arc::new(products), Arc::new(cache), TTL);
    assert_eq!(block_on(cached.find(product_id(1))).unwrap(), None);
}

#[test]
fn every_change_invalidates_the_product_before_it_returns() {
    let cached =
        |products| CachedProducts::new(Arc::new(products), invalidating(vec![CacheKey::Product(product_id(1))]), TTL);
    let mut products = MockProductRepository::new();
    products.expect_update().returning(|_, _, _, _| Ok(product()));
    block_on(cached(products).update(product_id(1), &ProductChange::default(), None, &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_archive().returning(|_, _, _| Ok(()));
    block_on(cached(products).archive(product_id(1), None, &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_adjust_stock().returning(|_, _, _| Ok(product()));
    block_on(cached(products).adjust_stock(product_id(1), &stock_change(1, at(0)), None)).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_upsert().returning(|_, _| Ok(Upserted { updated: vec![product_id(1)], ..Upserted::default() }));
    block_on(cached(products).upsert(&[], &cause(at(0)))).unwrap();
}
