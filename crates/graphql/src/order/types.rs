//! Orders as clients see them.

use async_graphql::{Enum, ID, SimpleObject};
use entrepot_domain::{OrderId, ProductId, UserId, order as domain};

use crate::{
    connection::connection,
    scalars::{DateTime, Money},
};

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "lowercase", remote = "domain::OrderStatus")]
pub(crate) enum OrderStatus {
    /// Placed; its stock is taken.
    Pending,
    Paid,
    Shipped,
    Delivered,
    /// Cancelled; its stock was given back.
    Cancelled,
    /// The payment was returned.
    Refunded,
}

/// An order.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Order {
    #[graphql(skip)]
    pub(super) key: OrderId,
    #[graphql(skip)]
    pub(super) buyer: UserId,
    id: ID,
    /// Who placed it.
    user_id: ID,
    status: OrderStatus,
    items: Vec<OrderItem>,
    total: Money,
    /// Counts the changes.
    version: i64,
    created_at: DateTime,
    updated_at: DateTime,
}

/// A line of an order, as it was when the order was placed.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct OrderItem {
    #[graphql(skip)]
    pub(super) key: ProductId,
    product_id: ID,
    sku: String,
    name: String,
    quantity: u32,
    /// The price of one.
    unit_price: Money,
    line_total: Money,
}

/// Something that happened to an order.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct OrderEvent {
    /// Its place in the history; later ones are greater.
    id: ID,
    /// `order.created` or `order.status_changed`.
    #[graphql(name = "type")]
    kind: String,
    order_id: ID,
    /// What the status was; null for `order.created`.
    from: Option<OrderStatus>,
    /// What the status became.
    to: OrderStatus,
    /// By whom; null if the program did it by itself.
    actor_id: Option<ID>,
    created_at: DateTime,
}

impl From<domain::Order> for Order {
    fn from(order: domain::Order) -> Self {
        Self {
            key: order.id,
            buyer: order.user,
            id: order.id.to_string().into(),
            user_id: order.user.to_string().into(),
            status: order.status.into(),
            items: order.lines.into_iter().map(OrderItem::from).collect(),
            total: order.total.into(),
            version: order.version.0,
            created_at: DateTime(order.created_at),
            updated_at: DateTime(order.updated_at),
        }
    }
}

impl From<domain::OrderLine> for OrderItem {
    fn from(line: domain::OrderLine) -> Self {
        Self {
            key: line.product,
            product_id: line.product.to_string().into(),
            sku: line.sku.as_str().to_owned(),
            name: line.name.as_str().to_owned(),
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            line_total: line.line_total.into(),
        }
    }
}

impl From<domain::OrderEvent> for OrderEvent {
    fn from(event: domain::OrderEvent) -> Self {
        let (kind, from, to) = match event.kind {
            domain::OrderEventKind::Created => ("order.created", None, domain::OrderStatus::Pending),
            domain::OrderEventKind::StatusChanged { from, to } => ("order.status_changed", Some(from), to),
        };
        Self {
            id: event.sequence.to_string().into(),
            kind: kind.to_owned(),
            order_id: event.order.to_string().into(),
            from: from.map(OrderStatus::from),
            to: to.into(),
            actor_id: event.actor.map(|actor| actor.to_string().into()),
            created_at: DateTime(event.at),
        }
    }
}

connection!(OrderConnection, OrderEdge, Order, domain::Order);
