//! Placing orders, and changing their status.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{admin, clock, customer, ids, now, order, origin, product, staff, user_id};
use entrepot_application::{
    Error,
    order::{IDEMPOTENCY_TTL, OrderPorts, OrderService},
};
use entrepot_domain::{
    Direction, Fault, Limit, Listing, OrderId, PageNumber, ProductId, Sort, UserId, Window,
    auth::Actor,
    order::{
        Basket, BasketLine, IdempotencyKey, MockOrderRepository, OrderAction, OrderFilter, OrderQuery, OrderSort,
        OrderStatus, PlaceError, Placed, Refusal, Shortage, TransitionError, Transitioned,
    },
    product::Quantity,
};
use futures_executor::block_on;
use uuid::Uuid;

fn service(orders: MockOrderRepository) -> OrderService {
    OrderService::new(OrderPorts { orders: Arc::new(orders), clock: clock(), ids: ids() })
}

fn basket(products: &[u128]) -> Basket {
    let line = |n: &u128| BasketLine { product: ProductId(Uuid::from_u128(*n)), quantity: Quantity::new(2).unwrap() };
    Basket::new(products.iter().map(line).collect()).unwrap()
}

fn refused(error: PlaceError, products: &[u128]) -> Error {
    let mut orders = MockOrderRepository::new();
    orders.expect_place().return_once(move |_| Err(error));
    block_on(service(orders).place(&customer(1), basket(products), None)).unwrap_err()
}

fn fields(error: Error) -> Vec<String> {
    let Error::Validation(fields) = error else { panic!("{error:?}") };
    fields.into_iter().map(|field| field.field).collect()
}

#[test]
fn order_belongs_to_the_actor_and_its_key_expires_after_a_day() {
    let mut orders = MockOrderRepository::new();
    orders
        .expect_place()
        .withf(|placement| {
            let key = placement.idempotency.as_ref().unwrap();
            placement.draft.user == user_id(1)
                && placement.draft.at == now()
                && key.expires_at == now() + IDEMPOTENCY_TTL
                && key.fingerprint == basket(&[1, 2]).fingerprint()
        })
        .times(1)
        .returning(|_| Ok(Placed { order: order(7, user_id(1)), replayed: false }));
    let key = IdempotencyKey::parse("try-1").unwrap();
    assert!(!block_on(service(orders).place(&customer(1), basket(&[1, 2]), Some(key))).unwrap().replayed);
}

#[test]
fn unknown_product_is_reported_for_each_of_its_lines() {
    let unknown = [1, 3].map(|n| ProductId(Uuid::from_u128(n))).to_vec();
    let error = refused(Refusal::UnknownProducts(unknown).into(), &[3, 1, 2, 3]);
    assert_eq!(fields(error), ["items[0].productId", "items[1].productId", "items[3].productId"]);
}

#[test]
fn second_currency_is_a_validation_error() {
    let error = refused(Refusal::MixedCurrencies(vec![product(2).id]).into(), &[1, 2]);
    assert_eq!(fields(error), ["items[1].productId"]);
}

#[test]
fn too_large_total_is_a_validation_error() {
    let error = refused(Refusal::TotalTooLarge(product(2).id).into(), &[1, 2]);
    assert_eq!(fields(error), ["items[1].quantity"]);
}

#[test]
fn every_short_product_is_reported_with_its_stock() {
    let short = |n| {
        let product = product(n);
        Shortage { product: product.id, sku: product.sku, wanted: Quantity::new(9).unwrap(), left: product.stock }
    };
    let error = refused(Refusal::InsufficientStock(vec![short(2), short(1)]).into(), &[1, 2]);
    let Error::InsufficientStock(short) = error else { panic!("{error:?}") };
    let told: Vec<_> = short.iter().map(|s| (s.field.as_str(), s.wanted, s.left.get())).collect();
    assert_eq!(told, [("items[1].quantity", 9, 3), ("items[0].quantity", 9, 3)]);
}

#[test]
fn idempotency_errors_and_faults_are_converted() {
    assert_eq!(refused(PlaceError::KeyReused, &[1]).code(), "idempotency_key_reused");
    assert_eq!(refused(PlaceError::InProgress, &[1]).code(), "idempotency_in_progress");
    let fault = Fault::unavailable("sqlite", std::io::Error::other("full"));
    assert_eq!(refused(fault.into(), &[1]).code(), "unavailable");
}

#[test]
fn order_is_visible_to_its_buyer_and_to_staff() {
    let read = |actor: Actor| {
        let mut orders = MockOrderRepository::new();
        orders.expect_find().returning(|_| Ok(Some(order(7, user_id(1)))));
        block_on(service(orders).get(&actor, OrderId(Uuid::from_u128(7)))).map_err(|error| error.code())
    };
    for sees in [customer(1), staff(), admin()] {
        assert!(read(sees).is_ok());
    }
    assert_eq!(read(customer(2)), Err("not_found"));
}

#[test]
fn events_of_another_users_order_are_not_read() {
    let mut orders = MockOrderRepository::new();
    orders.expect_find().returning(|_| Ok(Some(order(7, user_id(1)))));
    orders.expect_events().never();
    let events = block_on(service(orders).events(&customer(2), OrderId(Uuid::from_u128(7))));
    assert!(matches!(events, Err(Error::NotFound)));
}

/// The user whose orders the store is asked for, when `actor` lists those of `asked`.
fn listed(actor: Actor, asked: Option<UserId>) -> Result<Option<UserId>, &'static str> {
    let (tell, told) = std::sync::mpsc::channel();
    let mut orders = MockOrderRepository::new();
    orders.expect_list().returning(move |query| {
        tell.send(query.filter.user).unwrap();
        Ok(Listing { items: vec![], total: None, more: false })
    });
    let query = OrderQuery {
        filter: OrderFilter { user: asked, ..OrderFilter::default() },
        sort: Sort::by(OrderSort::CreatedAt, Direction::Descending),
        window: Window::Page { page: PageNumber::default(), limit: Limit::default() },
    };
    block_on(service(orders).list(&actor, query)).map_err(|error| error.code())?;
    Ok(told.recv().unwrap())
}

#[test]
fn customers_list_their_own_orders_and_staff_list_all() {
    assert_eq!(listed(customer(1), None), Ok(Some(user_id(1))));
    assert_eq!(listed(customer(1), Some(user_id(1))), Ok(Some(user_id(1))));
    assert_eq!(listed(customer(1), Some(user_id(2))), Err("forbidden"));
    assert_eq!(listed(staff(), None), Ok(None));
    assert_eq!(listed(staff(), Some(user_id(2))), Ok(Some(user_id(2))));
}

fn act(actor: &Actor, action: OrderAction) -> Result<(), &'static str> {
    let mut orders = MockOrderRepository::new();
    orders.expect_find().returning(|_| Ok(Some(order(7, user_id(1)))));
    orders.expect_transition().returning(|_, _| Ok(Transitioned { order: order(7, user_id(1)), restocked: vec![] }));
    let done = block_on(service(orders).transition(actor, OrderId(Uuid::from_u128(7)), action, None, &origin()));
    done.map(drop).map_err(|error| error.code())
}

#[test]
fn buyers_cancel_and_staff_do_all_other_actions() {
    assert_eq!(act(&customer(1), OrderAction::Cancel), Ok(()));
    assert_eq!(act(&customer(2), OrderAction::Cancel), Err("not_found"));
    for action in [OrderAction::Pay, OrderAction::Ship, OrderAction::Deliver, OrderAction::Refund] {
        assert_eq!(act(&customer(1), action), Err("forbidden"));
        assert_eq!(act(&staff(), action), Ok(()));
    }
    assert_eq!(act(&staff(), OrderAction::Cancel), Ok(()));
}

#[test]
fn errors_of_the_store_are_converted() {
    let refused = |error: TransitionError| {
        let mut orders = MockOrderRepository::new();
        orders.expect_transition().return_once(move |_, _| Err(error));
        let id = OrderId(Uuid::from_u128(7));
        block_on(service(orders).transition(&staff(), id, OrderAction::Ship, None, &origin())).unwrap_err().code()
    };
    assert_eq!(refused(TransitionError::Invalid { from: OrderStatus::Pending }), "invalid_transition");
    assert_eq!(refused(TransitionError::VersionConflict), "precondition_failed");
    assert_eq!(refused(TransitionError::NotFound), "not_found");
}
