//! Orders as clients see them.

use entrepot_domain::order::{Order, OrderEvent, OrderEventKind, OrderLine};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{product::MoneyView, response::Rfc3339};

/// An order.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderView<'a> {
    /// The identifier of the order.
    id: Uuid,
    /// The customer.
    user_id: Uuid,
    /// The status: `pending`, `paid`, `shipped`, `delivered`, `cancelled` or `refunded`.
    #[schema(example = "pending")]
    status: &'static str,
    /// The lines, one for each product.
    items: Vec<ItemView<'a>>,
    /// The sum of all lines.
    total: MoneyView,
    /// The version, which every change increases; also the `ETag`.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// The time at which the order was placed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The time of the last change of status.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

/// A line of an order: a quantity of one product, as it was when the order was placed.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderItem)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemView<'a> {
    /// The product.
    product_id: Uuid,
    /// The SKU of the product.
    #[schema(example = "MUG-1")]
    sku: &'a str,
    /// The name of the product.
    #[schema(example = "Enamel mug")]
    name: &'a str,
    /// The quantity.
    #[schema(minimum = 1, example = 2)]
    quantity: u32,
    /// The price of one unit.
    unit_price: MoneyView,
    /// The unit price times the quantity.
    line_total: MoneyView,
}

impl<'a> From<&'a Order> for OrderView<'a> {
    fn from(order: &'a Order) -> Self {
        Self {
            id: order.id.0,
            user_id: order.user.0,
            status: order.status.as_str(),
            items: order.lines.iter().map(ItemView::from).collect(),
            total: order.total.into(),
            version: order.version.0,
            created_at: Rfc3339(order.created_at),
            updated_at: Rfc3339(order.updated_at),
        }
    }
}

impl<'a> From<&'a OrderLine> for ItemView<'a> {
    fn from(line: &'a OrderLine) -> Self {
        Self {
            product_id: line.product.0,
            sku: line.sku.as_str(),
            name: line.name.as_str(),
            quantity: line.quantity.get(),
            unit_price: line.unit_price.into(),
            line_total: line.line_total.into(),
        }
    }
}

/// An event of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderEvent)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    /// The position in the event log; later events have greater ones.
    #[schema(minimum = 1, example = 42)]
    id: i64,
    /// The type of the event: `order.created` or `order.status_changed`.
    #[serde(rename = "type")]
    #[schema(example = "order.status_changed")]
    kind: &'static str,
    /// The order.
    order_id: Uuid,
    /// The status before the event; absent for `order.created`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "pending")]
    from: Option<&'static str>,
    /// The status after the event.
    #[schema(example = "paid")]
    to: &'static str,
    /// The user who caused the event; null for the program itself, as when an order was not paid in time.
    #[schema(required = true)]
    actor_id: Option<Uuid>,
    /// The time of the event.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
}

impl From<&OrderEvent> for EventView {
    fn from(event: &OrderEvent) -> Self {
        let (kind, from, to) = match event.kind {
            OrderEventKind::Created => ("order.created", None, "pending"),
            OrderEventKind::StatusChanged { from, to } => ("order.status_changed", Some(from.as_str()), to.as_str()),
        };
        Self {
            id: event.sequence,
            kind,
            order_id: event.order.0,
            from,
            to,
            actor_id: event.actor.map(|actor| actor.0),
            created_at: Rfc3339(event.at),
        }
    }
}
