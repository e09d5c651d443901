//! Products that are cached.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{TTL, filling, filling_for, invalidating};
use entrepot_cached::CachedProducts;
use entrepot_domain::{
    CacheKey, CachedValue, Limit, Listing, Lookup, MetricSource, MockCache, PageNumber, Sort, Ticket, Window,
    product::{
        MockProductRepository, Product, ProductChange, ProductFilter, ProductQuery, ProductRepository, Upserted,
    },
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

/// A page of the whole catalogue, and the same without its count.
fn pages() -> [ProductQuery; 2] {
    let (page, limit) = (PageNumber::default(), Limit::default());
    [Window::Page { page, limit }, Window::UncountedPage { page, limit }].map(|window| ProductQuery {
        filter: ProductFilter::default(),
        sort: Sort::parse("name").unwrap(),
        window,
    })
}

fn listing(total: Option<u64>) -> Listing<Product> {
    Listing { items: vec![product()], total, more: false }
}

#[test]
fn products_are_counted_once_for_many_pages() {
    let [page, _] = pages();
    let mut products = MockProductRepository::new();
    let is_counted = |query: &ProductQuery| matches!(query.window, Window::Page { .. });
    products.expect_list().withf(is_counted).times(1).returning(|_| Ok(listing(Some(7))));
    let is_uncounted = |query: &ProductQuery| matches!(query.window, Window::UncountedPage { .. });
    products.expect_list().withf(is_uncounted).times(1).returning(|_| Ok(listing(None)));
    let cache = filling_for(CacheKey::ProductCount, Duration::from_secs(1));
    let cached = CachedProducts::new(Arc::new(products), cache, TTL);
    for _ in 0..2 {
        assert_eq!(block_on(cached.list(&page)).unwrap(), listing(Some(7)));
    }
}

#[test]
fn catalogue_count_is_not_used_for_a_filtered_list() {
    let [page, uncounted] = pages();
    let filtered = ProductFilter { in_stock: Some(true), ..ProductFilter::default() };
    let mut products = MockProductRepository::new();
    products.expect_list().times(2).returning(|_| Ok(listing(None)));
    let cached = CachedProducts::new(Arc::new(products), Arc::new(MockCache::new()), TTL);
    for query in [ProductQuery { filter: filtered, ..page }, uncounted] {
        assert_eq!(block_on(cached.list(&query)).unwrap(), listing(None));
    }
}

#[test]
fn every_change_of_the_number_of_products_invalidates_it_before_it_returns() {
    let cached = |products, keys| CachedProducts::new(Arc::new(products), invalidating(keys), TTL);
    let both = vec![CacheKey::Product(product_id(1)), CacheKey::ProductCount];
    let mut products = MockProductRepository::new();
    products.expect_insert().returning(|_, _| Ok(()));
    block_on(cached(products, vec![CacheKey::ProductCount]).insert(&product(), &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_archive().returning(|_, _, _| Ok(()));
    block_on(cached(products, both.clone()).archive(product_id(1), None, &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_restore().returning(|_, _, _| Ok(product()));
    block_on(cached(products, both.clone()).restore(product_id(1), None, &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_upsert().returning(|_, _| Ok(Upserted { updated: vec![product_id(1)], ..Upserted::default() }));
    block_on(cached(products, both).upsert(&[], &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_upsert().returning(|_, _| Ok(Upserted { created: vec![product_id(1)], ..Upserted::default() }));
    block_on(cached(products, vec![CacheKey::ProductCount]).upsert(&[], &cause(at(0)))).unwrap();
}

#[test]
fn every_change_invalidates_the_product_before_it_returns() {
    let cached =
        |products| CachedProducts::new(Arc::new(products), invalidating(vec![CacheKey::Product(product_id(1))]), TTL);
    let mut products = MockProductRepository::new();
    products.expect_update().returning(|_, _, _, _| Ok(product()));
    block_on(cached(products).update(product_id(1), &ProductChange::default(), None, &cause(at(0)))).unwrap();

    let mut products = MockProductRepository::new();
    products.expect_adjust_stock().returning(|_, _, _| Ok(product()));
    block_on(cached(products).adjust_stock(product_id(1), &stock_change(1, at(0)), None)).unwrap();
}
