//! API keys may do only what their scopes allow.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{admin, by_key, clock, ids, mails, no_throttle, order, origin, product, session_id, user_id};
use entrepot_application::{
    Error,
    order::{OrderPorts, OrderService},
    product::{NewProduct, ProductPorts, ProductService},
    user::{UserPorts, UserService, UserUpdate},
};
use entrepot_domain::{
    Direction, Limit, PageNumber, Sort, Window,
    api_key::Scope,
    auth::{Actor, MockPasswordHasher},
    order::{Basket, BasketLine, MockOrderRepository, OrderAction, OrderFilter, OrderQuery, OrderSort},
    product::{MockProductRepository, ProductChange, Quantity, StockReason},
    user::{MockUserRepository, Roles, UserFilter, UserQuery, UserSort},
};
use futures_executor::block_on;

/// Stores that must not be called: a use case that does panics.
fn products() -> ProductService {
    ProductService::new(ProductPorts { products: Arc::new(MockProductRepository::new()), clock: clock(), ids: ids() })
}

fn orders() -> OrderService {
    OrderService::new(OrderPorts { orders: Arc::new(MockOrderRepository::new()), clock: clock(), ids: ids() })
}

fn users() -> UserService {
    UserService::new(UserPorts {
        users: Arc::new(MockUserRepository::new()),
        hasher: Arc::new(MockPasswordHasher::new()),
        throttle: no_throttle(),
        mails: mails(),
        clock: clock(),
        ids: ids(),
    })
}

/// An admin's key with all scopes but one, so that roles do not matter.
fn without(scope: Scope) -> Actor {
    let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
    by_key(admin(), &others)
}

fn lacks<T>(scope: Scope, done: &Result<T, Error>) {
    assert!(matches!(done, Err(Error::InsufficientScope(lacking)) if *lacking == scope), "{scope}");
}

fn window() -> Window {
    Window::Page { page: PageNumber::default(), limit: Limit::default() }
}

#[test]
fn products_require_their_scopes() {
    let (service, id) = (products(), product(1).id);
    let actor = without(Scope::ProductsWrite);
    let new = NewProduct {
        sku: product(1).sku,
        name: product(1).name,
        description: product(1).description,
        price: product(1).price,
        stock: product(1).stock,
    };
    lacks(Scope::ProductsWrite, &block_on(service.create(&actor, new, &origin())));
    lacks(Scope::ProductsWrite, &block_on(service.update(&actor, id, &ProductChange::default(), None, &origin())));
    lacks(Scope::ProductsWrite, &block_on(service.archive(&actor, id, None, &origin())));
    lacks(Scope::ProductsWrite, &block_on(service.restore(&actor, id, None, &origin())));
    let reason = StockReason::parse("counted").unwrap();
    lacks(
        Scope::StockWrite,
        &block_on(service.adjust_stock(&without(Scope::StockWrite), id, 1, reason, None, &origin())),
    );
}

#[test]
fn orders_require_their_scopes() {
    let (service, id) = (orders(), order(1, user_id(1)).id);
    let line = BasketLine { product: product(1).id, quantity: Quantity::new(1).unwrap() };
    let writer = without(Scope::OrdersWrite);
    lacks(Scope::OrdersWrite, &block_on(service.place(&writer, Basket::new(vec![line]).unwrap(), None)));
    for action in [OrderAction::Cancel, OrderAction::Ship] {
        lacks(Scope::OrdersWrite, &block_on(service.transition(&writer, id, action, None, &origin())));
        lacks(Scope::OrdersWrite, &block_on(service.version_for(&writer, id, action)));
    }
    let reader = without(Scope::OrdersRead);
    lacks(Scope::OrdersRead, &block_on(service.get(&reader, id)));
    lacks(Scope::OrdersRead, &block_on(service.events(&reader, id)));
    let sort = Sort::by(OrderSort::CreatedAt, Direction::Descending);
    let query = OrderQuery { filter: OrderFilter::default(), sort, window: window() };
    lacks(Scope::OrdersRead, &block_on(service.list(&reader, query)));
}

#[test]
fn users_require_their_scope() {
    let (service, reader) = (users(), without(Scope::UsersRead));
    lacks(Scope::UsersRead, &block_on(service.get(&reader, reader.user)));
    let sort = Sort::by(UserSort::Name, Direction::Ascending);
    let query = UserQuery { filter: UserFilter::default(), sort, window: window() };
    lacks(Scope::UsersRead, &block_on(service.list(&reader, &query)));
}

#[test]
fn api_keys_cannot_change_accounts() {
    let (service, machine) = (users(), by_key(admin(), &Scope::ALL));
    for id in [machine.user, user_id(1)] {
        for refused in [
            block_on(service.update(&machine, id, UserUpdate::default(), None, &origin())).map(drop),
            block_on(service.set_roles(&machine, id, Roles::CUSTOMER, None, &origin())).map(drop),
            block_on(service.delete(&machine, id, None, &origin())),
        ] {
            assert!(matches!(refused, Err(Error::LoginRequired)), "{refused:?}");
        }
    }
    assert_eq!(admin().session(), Some(session_id(900)), "a login may");
}
