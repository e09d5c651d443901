//! Counting orders and logins by outcome.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{pin::pin, sync::Arc, task::Context};

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Listing, MetricSource, OrderId, UserId, Version,
    auth::LoginObserver,
    order::{
        MockOrderRepository, Order, OrderEvent, OrderQuery, OrderRepository, OrderStatus, PlaceError, Placed,
        Placement, Refusal, Transition, TransitionError, Transitioned,
    },
};
use entrepot_telemetry::{CountedLogins, CountedOrders};
use entrepot_testkit::{at, gbp, order_id, placement, user_id};
use futures_executor::block_on;

fn placed(replayed: bool) -> Placed {
    let order = Order {
        id: order_id(7),
        user: user_id(1),
        status: OrderStatus::Pending,
        lines: Vec::new(),
        total: gbp(100),
        version: Version::FIRST,
        created_at: at(0),
        updated_at: at(0),
    };
    Placed { order, replayed }
}

fn one() -> Placement {
    placement(7, user_id(1), &[(1, 1)], at(0))
}

/// Each series with its value.
fn series(source: &dyn MetricSource) -> Vec<(String, f64)> {
    let name = |name: &str, labels: &[(&str, &str)]| match labels {
        [] => name.to_owned(),
        [(label, value)] => format!("{name}{{{label}={value}}}"),
        more => panic!("{more:?}"),
    };
    source.samples().iter().map(|sample| (name(sample.name, &sample.labels), sample.value)).collect()
}

#[test]
fn orders_are_counted_by_outcome() {
    let mut endings = vec![
        Ok(placed(false)),
        Ok(placed(false)),
        Ok(placed(true)),
        Err(PlaceError::Refused(Refusal::InsufficientStock(Vec::new()))),
        Err(PlaceError::Refused(Refusal::UnknownProducts(Vec::new()))),
        Err(PlaceError::KeyReused),
        Err(PlaceError::Fault(Fault::unavailable("sqlite", std::io::Error::other("full")))),
    ]
    .into_iter();
    let count = endings.len();
    let mut orders = MockOrderRepository::new();
    orders.expect_place().returning(move |_| endings.next().unwrap());
    let orders = CountedOrders::new(Arc::new(orders));
    for _ in 0..count {
        drop(block_on(orders.place(&one())));
    }
    let expected = [
        ("orders_placed_total", 2.0),
        ("orders_refused_total{code=idempotency_key_reused}", 1.0),
        ("orders_refused_total{code=insufficient_stock}", 1.0),
        ("orders_refused_total{code=unavailable}", 1.0),
        ("orders_refused_total{code=validation_failed}", 1.0),
    ];
    assert_eq!(series(&orders), expected.map(|(name, count)| (name.to_owned(), count)));
}

#[test]
fn zero_orders_are_reported() {
    let orders = CountedOrders::new(Arc::new(MockOrderRepository::new()));
    assert_eq!(series(&orders), [("orders_placed_total".to_owned(), 0.0)]);
}

/// A store that never answers.
struct Hanging;

#[async_trait]
impl OrderRepository for Hanging {
    async fn place(&self, _: &Placement) -> Result<Placed, PlaceError> {
        std::future::pending().await
    }

    async fn find(&self, _: OrderId) -> Result<Option<Order>, Fault> {
        std::future::pending().await
    }

    async fn list(&self, _: &OrderQuery) -> Result<Listing<Order>, Fault> {
        std::future::pending().await
    }

    async fn transition(&self, _: OrderId, _: &Transition) -> Result<Transitioned, TransitionError> {
        std::future::pending().await
    }

    async fn events(&self, _: OrderId) -> Result<Vec<OrderEvent>, Fault> {
        std::future::pending().await
    }

    async fn latest_of(&self, _: &[UserId], _: u32) -> Result<Vec<Order>, Fault> {
        std::future::pending().await
    }

    async fn events_of(&self, _: &[OrderId]) -> Result<Vec<OrderEvent>, Fault> {
        std::future::pending().await
    }
}

#[test]
fn order_that_its_caller_gives_up_on_counts_as_unavailable() {
    let orders = CountedOrders::new(Arc::new(Hanging));
    let placement = one();
    {
        let mut placing = pin!(orders.place(&placement));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(placing.as_mut().poll(&mut context).is_pending());
    }
    assert!(series(&orders).contains(&("orders_refused_total{code=unavailable}".to_owned(), 1.0)));
}

#[test]
fn logins_are_counted_by_outcome() {
    let logins = CountedLogins::default();
    for outcome in [Ok(()), Err("invalid_credentials"), Err("invalid_credentials"), Err("rate_limited")] {
        logins.login_ended(outcome);
    }
    let expected = [
        ("logins_total", 1.0),
        ("logins_failed_total{code=invalid_credentials}", 2.0),
        ("logins_failed_total{code=rate_limited}", 1.0),
    ];
    assert_eq!(series(&logins), expected.map(|(name, count)| (name.to_owned(), count)));
}
