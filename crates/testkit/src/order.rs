//! Orders.

use entrepot_domain::{
    OrderId, Timestamp, UserId,
    order::{Basket, BasketLine, Draft, Idempotency, IdempotencyKey, OrderAction, Placement, Transition},
    product::Quantity,
};

use crate::{by, id, product_id};

/// The identifier of the order with that number.
pub fn order_id(n: u128) -> OrderId {
    OrderId(id(n))
}

/// A basket: `basket(&[(1, 2), (7, 1)])` has two of product 1 and one of product 7.
pub fn basket(lines: &[(u128, i64)]) -> Basket {
    let line = |(product, quantity): &(u128, i64)| BasketLine {
        product: product_id(*product),
        quantity: Quantity::new(*quantity).unwrap(),
    };
    Basket::new(lines.iter().map(line).collect()).unwrap()
}

/// The draft of an order of a user.
pub fn draft(n: u128, user: UserId, lines: &[(u128, i64)], at: Timestamp) -> Draft {
    Draft { id: order_id(n), user, basket: basket(lines), at }
}

/// The same, to be placed without an idempotency key.
pub fn placement(n: u128, user: UserId, lines: &[(u128, i64)], at: Timestamp) -> Placement {
    Placement { draft: draft(n, user, lines, at), idempotency: None }
}

/// The placement with an idempotency key that expires after a day.
#[must_use]
pub fn at_key(key: &str, placement: Placement) -> Placement {
    let idempotency = Idempotency {
        key: IdempotencyKey::parse(key).unwrap(),
        fingerprint: placement.draft.basket.fingerprint(),
        expires_at: placement.draft.at + chrono::Duration::days(1),
    };
    Placement { idempotency: Some(idempotency), ..placement }
}

/// A transition by a user, for any version of the order.
pub fn transition(action: OrderAction, actor: UserId, at: Timestamp) -> Transition {
    Transition { action, actor: Some(actor), expected: None, cause: by(actor, at) }
}
