//! The catalogue, and what is remembered of it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{cause, clock, customer, ids, now, order, origin, product, session_id, staff, user, user_id};
use entrepot_application::{
    Error,
    auth::CachedSessions,
    order::CachedOrders,
    product::{CachedProducts, NewProduct, ProductPorts, ProductService},
    user::CachedUsers,
};
use entrepot_domain::{
    CacheKey, CachedValue, Fault, Lookup, MockCache, Ticket,
    api_key::{ApiKeySecret, MockApiKeyRepository},
    auth::{Access, MockSessionRepository, RefreshState, RotateError, Rotation, SessionRepository, TokenHash},
    order::{MockOrderRepository, OrderRepository, Placed, Placement},
    product::{MockProductRepository, ProductChange, ProductError, ProductRepository, Stock, StockReason},
    user::{Changed, MockUserRepository, Role, Roles, UserRepository},
};
use futures_executor::block_on;
use uuid::Uuid;

const TTL: Duration = Duration::from_mins(5);

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
        block_on(service.adjust_stock(&actor, id, 1, reason, None, &origin())).unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, Error::Forbidden)), "{refused:?}");
}

#[test]
fn staff_put_products_up_for_sale() {
    let mut products = MockProductRepository::new();
    products.expect_insert().times(1).returning(|_, _| Ok(()));
    let made = block_on(service(products).create(&staff(), new(), &origin())).unwrap();
    assert_eq!((made.sku.as_str(), made.version.0, made.created_at), ("S1", 1, now()));
}

#[test]
fn stock_below_zero_says_what_is_left() {
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

/// A cache that misses, then has what was put.
fn filling() -> (MockCache, std::sync::mpsc::Receiver<Arc<[u8]>>) {
    let (tell, told) = std::sync::mpsc::channel();
    let mut cache = MockCache::new();
    cache.expect_get().returning(|_| Lookup::Miss(Ticket(9)));
    cache
        .expect_put()
        .withf(|key, _, ttl, ticket| *key == CacheKey::Product(product(1).id) && *ttl == TTL && *ticket == Ticket(9))
        .returning(move |_, value, _, _| tell.send(value).unwrap());
    (cache, told)
}

#[test]
fn a_product_is_loaded_once_and_comes_back_whole() {
    let (cache, told) = filling();
    let mut products = MockProductRepository::new();
    products.expect_find().times(1).returning(|_| Ok(Some(product(1))));
    let first = CachedProducts::new(Arc::new(products), Arc::new(cache), TTL);
    assert_eq!(block_on(first.find(product(1).id)).unwrap(), Some(product(1)));

    let bytes = told.recv().unwrap();
    let mut cache = MockCache::new();
    cache.expect_get().returning(move |_| Lookup::Hit(bytes.clone().into()));
    let mut products = MockProductRepository::new();
    products.expect_find().never();
    let second = CachedProducts::new(Arc::new(products), Arc::new(cache), TTL);
    assert_eq!(block_on(second.find(product(1).id)).unwrap(), Some(product(1)));
}

#[test]
fn bytes_that_make_no_sense_are_loaded_anew() {
    let mut cache = MockCache::new();
    cache.expect_get().returning(|_| Lookup::Hit(CachedValue::from(*b"\xff\xff\xff")));
    let mut products = MockProductRepository::new();
    products.expect_find().times(1).returning(|_| Ok(Some(product(1))));
    let cached = CachedProducts::new(Arc::new(products), Arc::new(cache), TTL);
    assert_eq!(block_on(cached.find(product(1).id)).unwrap(), Some(product(1)));
}

#[test]
fn absence_is_not_remembered() {
    let mut cache = MockCache::new();
    cache.expect_get().returning(|_| Lookup::Miss(Ticket(0)));
    cache.expect_put().never();
    let mut products = MockProductRepository::new();
    products.expect_find().returning(|_| Ok(None));
    let cached = CachedProducts::new(Arc::new(products), Arc::new(cache), TTL);
    assert_eq!(block_on(cached.find(product(1).id)).unwrap(), None);
}

/// A cache that must forget exactly these.
fn forgetting(keys: Vec<CacheKey>) -> Arc<MockCache> {
    let mut cache = MockCache::new();
    cache.expect_invalidate().withf(move |forgotten| forgotten == keys).times(1).return_const(());
    Arc::new(cache)
}

#[test]
fn a_change_is_forgotten_before_it_is_answered() {
    let mut products = MockProductRepository::new();
    products.expect_update().returning(|_, _, _, _| Ok(product(1)));
    let cache = forgetting(vec![CacheKey::Product(product(1).id)]);
    let cached = CachedProducts::new(Arc::new(products), cache, TTL);
    block_on(cached.update(product(1).id, &ProductChange::default(), None, &cause())).unwrap();
}

#[test]
fn an_order_makes_the_stock_of_its_products_fresh() {
    let mut orders = MockOrderRepository::new();
    orders.expect_place().returning(|_| Ok(Placed { order: order(7, user_id(1)), replayed: false }));
    let cached = CachedOrders::new(Arc::new(orders), forgetting(vec![CacheKey::Product(product(1).id)]));
    block_on(cached.place(&placement())).unwrap();
}

#[test]
fn a_replay_changed_nothing_and_forgets_nothing() {
    let mut orders = MockOrderRepository::new();
    orders.expect_place().returning(|_| Ok(Placed { order: order(7, user_id(1)), replayed: true }));
    let mut cache = MockCache::new();
    cache.expect_invalidate().never();
    block_on(CachedOrders::new(Arc::new(orders), Arc::new(cache)).place(&placement())).unwrap();
}

fn placement() -> Placement {
    use entrepot_domain::{
        OrderId,
        order::{Basket, BasketLine, Draft},
        product::Quantity,
    };
    let line = BasketLine { product: product(1).id, quantity: Quantity::new(1).unwrap() };
    let basket = Basket::new(vec![line]).unwrap();
    let draft = Draft { id: OrderId(Uuid::nil()), user: user_id(1), basket, at: now() };
    Placement { draft, idempotency: None }
}

#[test]
fn other_roles_are_felt_by_every_session_and_key() {
    let mut users = MockUserRepository::new();
    users
        .expect_set_roles()
        .returning(|_, _, _, _| Ok(Changed { user: user(1), sessions: vec![session_id(1), session_id(2)] }));
    let prefix = ApiKeySecret::from_random([1; 32]).prefix();
    let mut keys = MockApiKeyRepository::new();
    keys.expect_prefixes().withf(|user| *user == user_id(1)).times(1).returning(move |_| Ok(vec![prefix]));
    let stale = vec![CacheKey::Access(session_id(1)), CacheKey::Access(session_id(2)), CacheKey::ApiKey(prefix)];
    let users = CachedUsers::new(Arc::new(users), Arc::new(keys), forgetting(stale));
    block_on(users.set_roles(user_id(1), Roles::CUSTOMER, None, &cause())).unwrap();
}

#[test]
fn keys_that_cannot_be_named_are_forgotten_with_all_else() {
    let mut users = MockUserRepository::new();
    users.expect_erase().returning(|_, _, _| Ok(Vec::new()));
    let mut keys = MockApiKeyRepository::new();
    keys.expect_prefixes().returning(|_| Err(Fault::unavailable("postgres", std::io::Error::other("gone"))));
    let mut cache = MockCache::new();
    cache.expect_clear().times(1).returning(|| ());
    let users = CachedUsers::new(Arc::new(users), Arc::new(keys), Arc::new(cache));
    block_on(users.erase(user_id(1), None, &cause())).unwrap();
}

#[test]
fn a_reused_refresh_token_ends_its_access_tokens_at_once() {
    let mut sessions = MockSessionRepository::new();
    sessions.expect_rotate().returning(|_| Err(RotateError::Reused));
    let cache = forgetting(vec![CacheKey::Access(session_id(5))]);
    let rotation = Rotation {
        session: session_id(5),
        presented: TokenHash::of("old"),
        next: RefreshState { hash: TokenHash::of("new"), id: Uuid::nil(), issued_at: now(), expires_at: now() },
        cause: cause(),
        grace: Duration::ZERO,
    };
    let rotated = block_on(CachedSessions::new(Arc::new(sessions), cache, TTL).rotate(&rotation));
    assert!(matches!(rotated, Err(RotateError::Reused)));
}

#[test]
fn who_stands_behind_a_session_comes_back_whole() {
    let access = Access { user: user_id(1), roles: Roles::new([Role::Staff, Role::Admin]).unwrap() };
    let (tell, told) = std::sync::mpsc::channel();
    let mut cache = MockCache::new();
    cache.expect_get().times(2).returning(|_| Lookup::Miss(Ticket(1)));
    cache.expect_put().times(1).returning(move |_, value, _, _| tell.send(value).unwrap());
    cache.expect_get().returning(move |_| Lookup::Hit(told.recv().unwrap().into()));
    let mut sessions = MockSessionRepository::new();
    sessions.expect_access().times(1).returning(move |_, _| Ok(Some(access)));
    let cached = CachedSessions::new(Arc::new(sessions), Arc::new(cache), TTL);
    for _ in 0..2 {
        assert_eq!(block_on(cached.access(session_id(5), now())).unwrap(), Some(access));
    }
}
