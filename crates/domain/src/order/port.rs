//! The repository of orders.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Draft, Idempotency, Order, OrderAction, OrderStatus, Refusal};
use crate::{
    Fault, Listing, OrderId, ProductId, Sort, SortField, SortValue, Timestamp, UserId, Version, Window, audit::Cause,
};

/// A draft to be placed, at most once per idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub draft: Draft,
    /// The buyer's idempotency key, if the client sent one.
    pub idempotency: Option<Idempotency>,
}

/// A placed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The order as it was placed.
    pub order: Order,
    /// Whether an earlier request with the same key placed it, so that nothing was changed now.
    pub replayed: bool,
}

/// Why an order was not placed. Nothing was changed, and no key was stored.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// Another request with the key is being processed, and waiting for it took too long.
    #[error("a request with this idempotency key is still running")]
    InProgress,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl PlaceError {
    /// The stable code for clients and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::InsufficientStock(_)) => "insufficient_stock",
            Self::Refused(Refusal::UnknownProducts(_) | Refusal::MixedCurrencies(_) | Refusal::TotalTooLarge(_)) => {
                "validation_failed"
            }
            Self::KeyReused => "idempotency_key_reused",
            Self::InProgress => "idempotency_in_progress",
            Self::Fault(fault) => fault.code(),
        }
    }
}

/// A requested change of status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub action: OrderAction,
    /// The actor, for the order's events; `None` is the program itself.
    pub actor: Option<UserId>,
    /// The version that the caller expects, if any.
    pub expected: Option<Version>,
    /// The context of the change.
    pub cause: Cause,
}

/// The result of a change of status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transitioned {
    /// The order after the change.
    pub order: Order,
    /// The products whose stock was restored.
    pub restocked: Vec<ProductId>,
}

/// Why a change of status was refused.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    #[error("no such order")]
    NotFound,
    /// The status does not allow the action.
    #[error("the order is {from}")]
    Invalid { from: OrderStatus },
    /// The order has another version than expected.
    #[error("another version")]
    VersionConflict,
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// An event of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvent {
    /// The position in the event log of the whole store, starting at 1; later events have greater numbers.
    pub sequence: i64,
    pub order: OrderId,
    pub kind: OrderEventKind,
    /// `None` is the program itself.
    pub actor: Option<UserId>,
    pub at: Timestamp,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEventKind {
    Created,
    StatusChanged { from: OrderStatus, to: OrderStatus },
}

/// The filter of a list of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub user: Option<UserId>,
    pub status: Option<OrderStatus>,
    /// Orders placed at this time or later.
    pub from: Option<Timestamp>,
    /// Orders placed at this time or earlier.
    pub to: Option<Timestamp>,
}

/// The sort keys of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSort {
    CreatedAt,
}

impl SortField for OrderSort {
    type Item = Order;

    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt)];

    fn value(self, order: &Order) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Time(order.created_at),
        }
    }

    fn id(order: &Order) -> Uuid {
        order.id.0
    }
}

/// A query for a list of orders.
#[derive(Debug, Clone)]
pub struct OrderQuery {
    pub filter: OrderFilter,
    pub sort: Sort<OrderSort>,
    pub window: Window,
}

/// Stores orders. Every method is atomic.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OrderRepository: Send + Sync {
    /// Places an order: reads the present products, decides as [`Order::place`](super::Order::place) does, takes the
    /// stock, writes order, lines and event, and stores the key. All of it happens or nothing, durably, before it
    /// returns. Of two buyers of the last unit, one gets it.
    ///
    /// A key that is stored for the same request returns its order as it was placed, and changes nothing; for another
    /// request it returns [`PlaceError::KeyReused`]. A key is stored until its `expires_at`, and only for a placed
    /// order: a refused or failed request stores none. Two concurrent requests with one key place one order.
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError>;

    /// Returns an order.
    async fn find(&self, id: OrderId) -> Result<Option<Order>, Fault>;

    /// Lists orders, in the order of `query.sort`.
    async fn list(&self, query: &OrderQuery) -> Result<Listing<Order>, Fault>;

    /// Changes the status as [`OrderStatus::after`] says, restores the stock if the action does so, and writes the
    /// event. Of two concurrent cancellations one succeeds, so the stock is restored once; that of an archived product
    /// too. The change is audited in the same transaction; placing an order is not audited. Errors: `NotFound`,
    /// `VersionConflict` before `Invalid`.
    async fn transition(&self, id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError>;

    /// Lists all events of an order, the oldest first; empty for an order that does not exist.
    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault>;

    /// Lists the orders of these users, the newest first: of each the newest `count`.
    async fn latest_of(&self, users: &[UserId], count: u32) -> Result<Vec<Order>, Fault>;

    /// Lists all events of several orders, the oldest first.
    async fn events_of(&self, ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault>;
}
