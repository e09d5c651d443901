//! Where orders are kept.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Draft, Idempotency, Order, OrderAction, OrderStatus, Refusal};
use crate::{
    Fault, Listing, OrderId, ProductId, Sort, SortField, SortValue, Timestamp, UserId, Version, Window, audit::Cause,
};

/// An order to be placed, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// What.
    pub draft: Draft,
    /// Under which key of the buyer, if the client gave one.
    pub idempotency: Option<Idempotency>,
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// As it was when it was placed.
    pub order: Order,
    /// Whether that was an earlier try under the same key; nothing was changed now.
    pub replayed: bool,
}

/// Why an order was not placed. Nothing was changed, and no key was kept.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It cannot be placed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A first try under the key is still running, and it took too long to wait for.
    #[error("a request with this idempotency key is still running")]
    InProgress,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl PlaceError {
    /// The stable name that clients and metrics know it by.
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

/// A change of an order's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// What is done.
    pub action: OrderAction,
    /// By whom, for the order's history.
    pub actor: UserId,
    /// The version that the caller has seen, if it matters to them.
    pub expected: Option<Version>,
    /// Why, and when.
    pub cause: Cause,
}

/// An order whose status was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transitioned {
    /// As it is now.
    pub order: Order,
    /// The products whose stock was given back.
    pub restocked: Vec<ProductId>,
}

/// Why an order's status was not changed.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    /// There is no such order.
    #[error("no such order")]
    NotFound,
    /// That cannot be done with an order in this status.
    #[error("the order is {from}")]
    Invalid { from: OrderStatus },
    /// The order is not at the version that the caller has seen.
    #[error("another version")]
    VersionConflict,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvent {
    /// Its place in the event log of the whole store, from 1 on; later ones are greater.
    pub sequence: i64,
    /// To which order.
    pub order: OrderId,
    /// What.
    pub kind: OrderEventKind,
    /// By whom.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEventKind {
    /// It was placed.
    Created,
    StatusChanged {
        from: OrderStatus,
        to: OrderStatus,
    },
}

/// Which orders a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Those of this user.
    pub user: Option<UserId>,
    /// Those in this status.
    pub status: Option<OrderStatus>,
    /// Those placed then or later.
    pub from: Option<Timestamp>,
    /// Those placed then or earlier.
    pub to: Option<Timestamp>,
}

/// What orders can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSort {
    /// When they were placed.
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

/// A part of the list of orders.
#[derive(Debug, Clone)]
pub struct OrderQuery {
    /// Which.
    pub filter: OrderFilter,
    /// In what order.
    pub sort: Sort<OrderSort>,
    /// Which part.
    pub window: Window,
}

/// Keeps orders. Every method is atomic.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OrderRepository: Send + Sync {
    /// Places an order: looks at the products as they are at that moment, decides as
    /// [`Order::place`](super::Order::place) does, takes the stock, writes order, lines and event, and remembers the
    /// key. All of it or nothing, durably, before it returns; of two buyers of the last unit one gets it.
    ///
    /// A key that is remembered for the same request returns that order as it was placed, and changes nothing; for
    /// another request it is [`PlaceError::KeyReused`]. A key is remembered until its `expires_at` and only for a
    /// success: a refused or failed try leaves none. Two tries under one key at once make one order.
    async fn place(&self, placement: &Placement) -> Result<Placed, PlaceError>;

    /// Looks an order up.
    async fn find(&self, id: OrderId) -> Result<Option<Order>, Fault>;

    /// Lists orders, in the order of `query.sort`.
    async fn list(&self, query: &OrderQuery) -> Result<Listing<Order>, Fault>;

    /// Does what [`OrderStatus::after`] says, gives the stock back where the action does so, and writes the event.
    /// Of two cancellations at once one wins, so the stock is given back once. An archived product gets its stock back
    /// too. It is audited, in one transaction with it; placing an order is not. Errors: `NotFound`, `VersionConflict` before `Invalid`.
    async fn transition(&self, id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError>;

    /// All that happened to an order, the first first; empty for an order that does not exist.
    async fn events(&self, id: OrderId) -> Result<Vec<OrderEvent>, Fault>;
}
