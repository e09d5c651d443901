//! Orders.

mod audit;
mod basket;
mod idempotency;
mod place;
mod port;
mod status;
mod transition;

pub use basket::{Basket, BasketError, BasketLine};
pub use idempotency::{Fingerprint, Idempotency, IdempotencyKey};
pub use place::{Draft, Refusal, Shortage};
#[cfg(feature = "mock")]
pub use port::MockOrderRepository;
pub use port::{
    OrderEvent, OrderEventKind, OrderFilter, OrderQuery, OrderRepository, OrderSort, PlaceError, Placed, Placement,
    Transition, TransitionError, Transitioned,
};
pub use status::{OrderAction, OrderStatus};

use crate::{
    Money, OrderId, ProductId, Timestamp, UserId, Version,
    product::{ProductName, Quantity, Sku},
};

/// An order. Its lines never change; its status does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    /// The buyer.
    pub user: UserId,
    pub status: OrderStatus,
    /// One line per product, in the order in which the buyer first named them.
    pub lines: Vec<OrderLine>,
    pub total: Money,
    pub version: Version,
    pub created_at: Timestamp,
    /// The time of the last change of status.
    pub updated_at: Timestamp,
}

/// A product with its quantity, as it was in the catalogue when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    pub product: ProductId,
    pub sku: Sku,
    pub name: ProductName,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub line_total: Money,
}

impl Order {
    /// Returns the order as it was when it was placed, which is the result of a replayed request.
    #[must_use]
    pub fn as_placed(self) -> Self {
        Self { status: OrderStatus::Pending, version: Version::FIRST, updated_at: self.created_at, ..self }
    }
}
