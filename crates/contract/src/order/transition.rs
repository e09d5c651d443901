//! Changes of status.

use entrepot_domain::{
    Version,
    order::{
        Order,
        OrderAction::{self, Cancel, Deliver, Pay, Refund, Ship},
        OrderEvent, OrderEventKind,
        OrderStatus::{self, Cancelled, Delivered, Paid, Pending, Refunded, Shipped},
        Transition, TransitionError, Transitioned,
    },
    product::Stock,
};
use entrepot_testkit::{
    at, cause, order_id, placement, product, product_id, product_import, stock_change, transition, user_id,
};

use super::{assert_no_order, buyer, left, order_of_three, place, product_of, stock};
use crate::{Stores, at_once};

const STAFF: u128 = 77;

fn by_staff(action: OrderAction, seconds: i64) -> Transition {
    transition(action, user_id(STAFF), at(seconds))
}

/// Those of each order are the same as if it was asked alone.
pub async fn events_of_several_orders_are_listed_at_once(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).build()]).await;
    let mut orders = Vec::new();
    for n in 1..=3 {
        orders.push(place(&*h.orders(), &placement(n, ada, &[(1, 1)], at(1))).await.id);
    }
    for (order, action) in [(orders[1], Pay), (orders[0], Cancel), (orders[2], Pay), (orders[1], Ship)] {
        h.orders().transition(order, &by_staff(action, 2)).await.unwrap();
    }
    let mut expected = h.orders().events(orders[0]).await.unwrap();
    expected.extend(h.orders().events(orders[1]).await.unwrap());
    expected.sort_by_key(|event| event.sequence);
    assert_eq!(expected.len(), 5);
    let found = h.orders().events_of(&[orders[1], order_id(404), orders[0]]).await.unwrap();
    assert_eq!(found, expected);
    assert_eq!(h.orders().events_of(&[]).await.unwrap(), []);
}

/// Each step increments the version.
pub async fn order_passes_through_its_life_cycle(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    for (version, action, status) in
        [(2, Pay, Paid), (3, Ship, Shipped), (4, Deliver, Delivered), (5, Refund, Refunded)]
    {
        let seconds = 10 * version;
        let step = Transition { expected: Some(Version(version - 1)), ..by_staff(action, seconds) };
        let done = h.orders().transition(order.id, &step).await.unwrap();
        let expected = Order { status, version: Version(version), updated_at: at(seconds), ..order.clone() };
        assert_eq!(done, Transitioned { order: expected.clone(), restocked: vec![] });
        assert_eq!(h.orders().find(order.id).await.unwrap(), Some(expected));
    }
    assert_eq!(left(h, 1).await, (7, 2), "goods that come back are counted by hand");
}

/// In every status; the order is unchanged.
pub async fn invalid_action_is_refused(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).build()]).await;
    let ways: [(OrderStatus, &[OrderAction]); 6] = [
        (Pending, &[]),
        (Paid, &[Pay]),
        (Shipped, &[Pay, Ship]),
        (Delivered, &[Pay, Ship, Deliver]),
        (Cancelled, &[Cancel]),
        (Refunded, &[Pay, Refund]),
    ];
    for (n, (status, way)) in (1..).zip(ways) {
        let mut order = place(&*h.orders(), &placement(n, ada, &[(1, 1)], at(1))).await;
        for action in way {
            order = h.orders().transition(order.id, &by_staff(*action, 2)).await.unwrap().order;
        }
        assert_eq!(order.status, status);
        let events = h.orders().events(order.id).await.unwrap();
        let stock = left(h, 1).await;
        for action in [Pay, Ship, Deliver, Cancel, Refund].into_iter().filter(|action| status.after(*action).is_none())
        {
            let refused = h.orders().transition(order.id, &by_staff(action, 3)).await;
            let is_refused = matches!(refused, Err(TransitionError::Invalid { from }) if from == status);
            assert!(is_refused, "{status} {}: {refused:?}", action.as_str());
        }
        assert_eq!(h.orders().events(order.id).await.unwrap(), events);
        assert_eq!(left(h, 1).await, stock);
        assert_eq!(h.orders().find(order.id).await.unwrap(), Some(order));
    }
}

/// Before an invalid action is reported.
pub async fn stale_version_of_an_order_is_refused(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    for action in [Cancel, Deliver] {
        let stale = Transition { expected: Some(Version(2)), ..by_staff(action, 20) };
        let refused = h.orders().transition(order.id, &stale).await;
        assert!(matches!(refused, Err(TransitionError::VersionConflict)), "{}: {refused:?}", action.as_str());
    }
    assert_eq!(left(h, 1).await, (7, 2));
    assert_eq!(h.orders().find(order.id).await.unwrap(), Some(order));
}

/// With and without an expected version.
pub async fn unknown_order_cannot_be_changed(h: &impl Stores) {
    for expected in [None, Some(Version(1))] {
        let refused = h.orders().transition(order_id(404), &Transition { expected, ..by_staff(Pay, 1) }).await;
        assert!(matches!(refused, Err(TransitionError::NotFound)), "{refused:?}");
    }
    assert_no_order(h, order_id(404)).await;
}

/// That of every line, from pending and from paid; the products are returned.
pub async fn cancelling_restores_the_stock(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(10).build(), product(2).stock(10).build(), product(3).build()]).await;
    for (n, paid) in [(1, false), (2, true)] {
        let before = (left(h, 1).await, left(h, 2).await);
        let order = place(&*h.orders(), &placement(n, ada, &[(2, 4), (1, 10)], at(1))).await;
        if paid {
            h.orders().transition(order.id, &by_staff(Pay, 2)).await.unwrap();
        }
        let mut done = h.orders().transition(order.id, &transition(Cancel, ada, at(3))).await.unwrap();
        done.restocked.sort_unstable();
        assert_eq!(done.restocked, [product_id(1), product_id(2)]);
        assert_eq!(done.order.status, Cancelled);
        let grown = |(stock, version): (i64, i64)| (stock, version + 2);
        assert_eq!((left(h, 1).await, left(h, 2).await), (grown(before.0), grown(before.1)));
        assert_eq!(product_of(h, 1).await.updated_at, at(3));
    }
    assert_eq!(product_of(h, 3).await, product(3).build());
}

pub async fn one_of_two_concurrent_cancellations_restores_the_stock(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    let answers = at_once((0..10).map(|_| {
        let orders = h.orders();
        async move { orders.transition(order_id(1), &by_staff(Cancel, 20)).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let over = |answer: &&Result<Transitioned, TransitionError>| {
        matches!(answer, Err(TransitionError::Invalid { from: Cancelled }))
    };
    assert_eq!(answers.iter().filter(over).count(), 9, "{answers:?}");
    assert_eq!(left(h, 1).await, (10, 3));
    assert_eq!(h.orders().events(order.id).await.unwrap().len(), 2);
}

/// An import that restores the product finds the stock.
pub async fn cancelling_restores_the_stock_of_archived_products(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    h.products().archive(product_id(1), None, &cause(at(20))).await.unwrap();
    let done = h.orders().transition(order.id, &by_staff(Cancel, 30)).await.unwrap();
    assert_eq!(done.restocked, [product_id(1)]);
    assert_eq!(h.products().find(product_id(1)).await.unwrap(), None);
    let revive = product_import(&product(1).build());
    h.products().upsert(&[revive], &cause(at(40))).await.unwrap();
    assert_eq!(left(h, 1).await.0, 10);
}

/// An order can always be cancelled.
pub async fn restoring_stock_above_the_maximum_succeeds(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    h.products().adjust_stock(product_id(1), &stock_change(Stock::MAX - 8, at(20)), None).await.unwrap();
    let done = h.orders().transition(order.id, &by_staff(Cancel, 30)).await.unwrap();
    assert_eq!(done.order.status, Cancelled);
    assert_eq!(left(h, 1).await.0, Stock::MAX);
}

/// Of paying and cancelling with the same version, one succeeds.
pub async fn one_of_two_concurrent_actions_succeeds(h: &impl Stores) {
    let order = order_of_three(h, buyer(h, "ada").await).await;
    let answers = at_once([Pay, Cancel, Pay, Cancel].map(|action| {
        let orders = h.orders();
        let step = Transition { expected: Some(Version::FIRST), ..by_staff(action, 20) };
        async move { orders.transition(order_id(1), &step).await }
    }))
    .await;
    let won: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    let conflict =
        |answer: &&Result<Transitioned, TransitionError>| matches!(answer, Err(TransitionError::VersionConflict));
    assert_eq!(answers.iter().filter(conflict).count(), 3, "{answers:?}");
    assert_eq!(h.orders().find(order.id).await.unwrap(), Some(won[0].order.clone()));
}

/// Within an order and in the whole store, each with actor and time.
pub async fn events_are_numbered_in_order(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    let first = order_of_three(h, ada).await;
    let other = place(&*h.orders(), &placement(2, ada, &[(1, 1)], at(11))).await;
    h.orders().transition(first.id, &by_staff(Pay, 20)).await.unwrap();
    h.products().adjust_stock(product_id(1), &stock_change(1, at(25)), None).await.unwrap();
    h.orders().transition(first.id, &transition(Cancel, ada, at(30))).await.unwrap();

    let events = h.orders().events(first.id).await.unwrap();
    let sequence: Vec<_> = events.iter().map(|event| event.sequence).collect();
    let others = h.orders().events(other.id).await.unwrap();
    assert!(sequence[0] > 0 && sequence.is_sorted_by(|a, b| a < b), "{sequence:?}");
    assert!(sequence[0] < others[0].sequence && others[0].sequence < sequence[1], "{sequence:?} {others:?}");
    let event = |place: usize, kind, actor, seconds| OrderEvent {
        sequence: sequence[place],
        order: first.id,
        kind,
        actor: Some(actor),
        at: at(seconds),
    };
    let expected = [
        event(0, OrderEventKind::Created, ada, 10),
        event(1, OrderEventKind::StatusChanged { from: Pending, to: Paid }, user_id(STAFF), 20),
        event(2, OrderEventKind::StatusChanged { from: Paid, to: Cancelled }, ada, 30),
    ];
    assert_eq!(events, expected);
    assert_eq!(others.len(), 1);
}
