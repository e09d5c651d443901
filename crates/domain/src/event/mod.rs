//! The event log: what happened, in the order in which it was committed.
//!
//! A business operation writes its events in its own transaction, so there is no change without its event and no event
//! without its change. A reader of the log sees every event once, also those of transactions that commit late.

mod id;
mod kind;
mod place;
mod port;

pub use id::{EventId, EventPosition};
pub use kind::{EventKind, EventKinds};
pub use place::{StockBefore, placed, returned};
pub use port::{Consumed, EventLog, EventQuery, EventSignal, Located, Numbered};
#[cfg(feature = "mock")]
pub use port::{MockEventLog, MockEventSignal};

use crate::{
    Money, OrderId, ProductId, Timestamp, UserId, Version,
    order::{Order, OrderStatus},
    product::{Product, Sku, Stock, StockChange, StockReason},
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    /// The time of the change.
    pub at: Timestamp,
    pub data: EventData,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventData {
    /// `order.created`.
    OrderCreated { order: OrderId, user: UserId, status: OrderStatus, total: Money, version: Version },
    /// `order.status_changed`.
    OrderStatusChanged { order: OrderId, user: UserId, from: OrderStatus, to: OrderStatus, version: Version },
    /// `product.created`.
    ProductCreated { product: ProductId, sku: Sku, version: Version },
    /// `product.updated`.
    ProductUpdated { product: ProductId, sku: Sku, version: Version },
    /// `product.archived`.
    ProductArchived { product: ProductId, sku: Sku, version: Version },
    /// `product.stock_changed`.
    StockChanged {
        product: ProductId,
        sku: Sku,
        delta: i64,
        /// The stock after the change.
        stock: Stock,
        reason: StockReason,
        /// The order that took the stock or gave it back.
        order: Option<OrderId>,
        /// The version of the product after the change.
        version: Version,
    },
    /// `user.registered`.
    UserRegistered { user: UserId },
    /// `user.deleted`.
    UserDeleted { user: UserId },
}

impl EventData {
    /// The kind of the event.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::OrderCreated { .. } => EventKind::OrderCreated,
            Self::OrderStatusChanged { .. } => EventKind::OrderStatusChanged,
            Self::ProductCreated { .. } => EventKind::ProductCreated,
            Self::ProductUpdated { .. } => EventKind::ProductUpdated,
            Self::ProductArchived { .. } => EventKind::ProductArchived,
            Self::StockChanged { .. } => EventKind::StockChanged,
            Self::UserRegistered { .. } => EventKind::UserRegistered,
            Self::UserDeleted { .. } => EventKind::UserDeleted,
        }
    }

    /// The order that the event is about.
    pub const fn order(&self) -> Option<OrderId> {
        match self {
            Self::OrderCreated { order, .. } | Self::OrderStatusChanged { order, .. } => Some(*order),
            Self::StockChanged { order, .. } => *order,
            Self::ProductCreated { .. }
            | Self::ProductUpdated { .. }
            | Self::ProductArchived { .. }
            | Self::UserRegistered { .. }
            | Self::UserDeleted { .. } => None,
        }
    }

    /// The buyer of the order that the event is about, who may see it. All other events are for staff.
    pub const fn buyer(&self) -> Option<UserId> {
        match self {
            Self::OrderCreated { user, .. } | Self::OrderStatusChanged { user, .. } => Some(*user),
            Self::StockChanged { .. }
            | Self::ProductCreated { .. }
            | Self::ProductUpdated { .. }
            | Self::ProductArchived { .. }
            | Self::UserRegistered { .. }
            | Self::UserDeleted { .. } => None,
        }
    }

    /// An order was placed.
    pub const fn order_created(order: &Order) -> Self {
        Self::OrderCreated {
            order: order.id,
            user: order.user,
            status: order.status,
            total: order.total,
            version: order.version,
        }
    }

    /// The status of an order changed from `from` to what it is.
    pub const fn order_status_changed(order: &Order, from: OrderStatus) -> Self {
        Self::OrderStatusChanged { order: order.id, user: order.user, from, to: order.status, version: order.version }
    }

    /// A product was created.
    pub fn product_created(product: &Product) -> Self {
        Self::ProductCreated { product: product.id, sku: product.sku.clone(), version: product.version }
    }

    /// A product was changed or restored.
    pub fn product_updated(product: &Product) -> Self {
        Self::ProductUpdated { product: product.id, sku: product.sku.clone(), version: product.version }
    }

    /// A product was archived.
    pub fn product_archived(product: &Product) -> Self {
        Self::ProductArchived { product: product.id, sku: product.sku.clone(), version: product.version }
    }

    /// The stock of a product was adjusted.
    pub fn stock_adjusted(product: &Product, change: &StockChange) -> Self {
        Self::StockChanged {
            product: product.id,
            sku: product.sku.clone(),
            delta: change.delta,
            stock: product.stock,
            reason: change.reason.clone(),
            order: None,
            version: product.version,
        }
    }

    /// The events of an imported product, given the product that had its sku before. A stock that the import changed
    /// has an event of its own, with the reason `import`.
    pub fn product_imported(was: Option<&Product>, is: &Product) -> Vec<Self> {
        let Some(was) = was else { return vec![Self::product_created(is)] };
        let mut events = vec![Self::product_updated(is)];
        if was.stock != is.stock {
            events.push(Self::StockChanged {
                product: is.id,
                sku: is.sku.clone(),
                delta: is.stock.get() - was.stock.get(),
                stock: is.stock,
                reason: StockReason::of_program("import"),
                order: None,
                version: is.version,
            });
        }
        events
    }
}
