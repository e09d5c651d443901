//! What somebody bought, and what became of it.

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

/// What somebody bought. Its lines never change; its status does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Never changes.
    pub id: OrderId,
    /// Who bought it.
    pub user: UserId,
    /// What has become of it.
    pub status: OrderStatus,
    /// One line a product, in the order in which the buyer first named them.
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// Counts the changes.
    pub version: Version,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

/// So many of one product, as the catalogue knew it at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Which product.
    pub product: ProductId,
    /// Its sku then.
    pub sku: Sku,
    /// Its name then.
    pub name: ProductName,
    /// How many.
    pub quantity: Quantity,
    /// What one cost then.
    pub unit_price: Money,
    /// What all of them cost.
    pub line_total: Money,
}

impl Order {
    /// The order as it was when it was placed: what a replayed request gets, whatever happened since.
    #[must_use]
    pub fn as_placed(self) -> Self {
        Self { status: OrderStatus::Pending, version: Version::FIRST, updated_at: self.created_at, ..self }
    }
}
