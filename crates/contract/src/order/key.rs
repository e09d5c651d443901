//! Idempotency keys.

use entrepot_domain::{
    UserId,
    order::{OrderAction, PlaceError, Placed, Placement, Refusal},
};
use entrepot_testkit::{at, at_key, cause, order_id, placement, product, product_id, stock_change, transition};

use super::{assert_no_order, buyer, left, place, stock};
use crate::{Stores, at_once};

/// Order `n` of one unit of product 1, with the key `key`, a minute after the start of 2026.
fn one(n: u128, user: UserId) -> Placement {
    at_key("key", placement(n, user, &[(1, 1)], at(60)))
}

pub async fn repeated_request_returns_the_same_order(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(10).build()]).await;
    let order = place(&*h.orders(), &one(1, ada)).await;
    for n in 2..=3 {
        let again = h.orders().place(&one(n, ada)).await.unwrap();
        assert_eq!(again, Placed { order: order.clone(), replayed: true });
        assert_no_order(h, order_id(n)).await;
    }
    assert_eq!(left(h, 1).await, (9, 2));
    assert_eq!(h.orders().events(order.id).await.unwrap().len(), 1);
}

/// Also if the order or the product has changed.
pub async fn replayed_order_is_returned_as_it_was_placed(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(1).build()]).await;
    let order = place(&*h.orders(), &one(1, ada)).await;
    let cancelled = transition(OrderAction::Cancel, ada, at(70));
    h.orders().transition(order.id, &cancelled).await.unwrap();
    h.products().archive(product_id(1), None, &cause(at(80))).await.unwrap();
    let again = h.orders().place(&one(2, ada)).await.unwrap();
    assert_eq!(again, Placed { order, replayed: true });
}

/// The first request remains stored.
pub async fn different_request_with_the_same_key_is_refused(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(10).build()]).await;
    let order = place(&*h.orders(), &one(1, ada)).await;
    let other = at_key("key", placement(2, ada, &[(1, 2)], at(60)));
    let refused = h.orders().place(&other).await;
    assert!(matches!(refused, Err(PlaceError::KeyReused)), "{refused:?}");
    assert_no_order(h, order_id(2)).await;
    assert_eq!(left(h, 1).await, (9, 2));
    assert_eq!(h.orders().place(&one(3, ada)).await.unwrap(), Placed { order, replayed: true });
    // Another key, also one that differs in case, is another request.
    for (n, key) in [(4, "other"), (5, "KEY")] {
        place(&*h.orders(), &at_key(key, placement(n, ada, &[(1, 2)], at(60)))).await;
    }
    assert_eq!(left(h, 1).await, (5, 4));
}

/// To the millisecond; then it can be used for another request.
pub async fn expired_idempotency_key_is_deleted(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(10).build()]).await;
    let order = place(&*h.orders(), &one(1, ada)).await;
    let expires = at(60) + chrono::Duration::days(1);
    let last = at_key("key", placement(2, ada, &[(1, 1)], expires - chrono::Duration::milliseconds(1)));
    assert!(h.orders().place(&last).await.unwrap().replayed);
    let new = at_key("key", placement(3, ada, &[(1, 2)], expires));
    let new_order = place(&*h.orders(), &new).await;
    assert_ne!(new_order.id, order.id);
    assert_eq!(h.orders().place(&new).await.unwrap(), Placed { order: new_order, replayed: true });
    assert_eq!(left(h, 1).await, (7, 3));
}

/// So the request can be repeated with the same key.
pub async fn refused_order_stores_no_key(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(0).build()]).await;
    for n in 1..=2 {
        let refused = h.orders().place(&one(n, ada)).await;
        assert!(matches!(refused, Err(PlaceError::Refused(Refusal::InsufficientStock(_)))), "{refused:?}");
    }
    h.products().adjust_stock(product_id(1), &stock_change(5, at(61)), None).await.unwrap();
    // Also with another basket: nothing of the first is stored.
    let order = place(&*h.orders(), &at_key("key", placement(3, ada, &[(1, 5)], at(62)))).await;
    assert_eq!(order.id, order_id(3));
    assert_eq!(left(h, 1).await, (0, 3));
}

pub async fn idempotency_keys_of_users_are_independent(h: &impl Stores) {
    let (ada, bob) = (buyer(h, "ada").await, buyer(h, "bob").await);
    stock(h, [product(1).stock(10).build()]).await;
    let hers = place(&*h.orders(), &one(1, ada)).await;
    let his = place(&*h.orders(), &one(2, bob)).await;
    assert_eq!((hers.user, his.user), (ada, bob));
    assert_eq!(h.orders().place(&one(3, ada)).await.unwrap().order, hers);
    assert_eq!(h.orders().place(&one(4, bob)).await.unwrap().order, his);
    assert_eq!(left(h, 1).await, (8, 3));
}

/// The others get the same order, or `InProgress`.
pub async fn concurrent_requests_with_one_key_place_one_order(h: &impl Stores) {
    let ada = buyer(h, "ada").await;
    stock(h, [product(1).stock(100).build()]).await;
    let answers = at_once((1..=20).map(|n| {
        let orders = h.orders();
        async move { orders.place(&one(n, ada)).await }
    }))
    .await;
    let placed: Vec<_> = answers.iter().flatten().collect();
    assert_eq!(placed.iter().filter(|placed| !placed.replayed).count(), 1, "{answers:?}");
    assert!(placed.iter().all(|again| again.order == placed[0].order), "{answers:?}");
    let running = |answer: &&PlaceError| matches!(answer, PlaceError::InProgress);
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused.iter().all(running), "{answers:?}");
    assert_eq!(left(h, 1).await, (99, 2));
}
