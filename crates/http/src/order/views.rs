//! Orders as clients see them.

use entrepot_domain::order::{Order, OrderEvent, OrderEventKind, OrderLine};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{product::MoneyView, response::Rfc3339};

/// What somebody bought.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderView<'a> {
    /// Names the order.
    id: Uuid,
    /// Who bought it.
    user_id: Uuid,
    /// `pending`, `paid`, `shipped`, `delivered`, `cancelled` or `refunded`.
    #[schema(example = "pending")]
    status: &'static str,
    /// One line a product.
    items: Vec<ItemView<'a>>,
    /// The sum of all lines.
    total: MoneyView,
    /// Counts the changes; the `ETag` says it too.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When its status last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

/// So many of one product, as the catalogue knew it when the order was placed.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderItem)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemView<'a> {
    /// Which product.
    product_id: Uuid,
    /// Its sku then.
    #[schema(example = "MUG-1")]
    sku: &'a str,
    /// Its name then.
    #[schema(example = "Enamel mug")]
    name: &'a str,
    /// How many.
    #[schema(minimum = 1, example = 2)]
    quantity: u32,
    /// What one cost then.
    unit_price: MoneyView,
    /// What all of them cost.
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

/// Something that happened to an order.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderEvent)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    /// Its place in the event log; later ones are greater.
    #[schema(minimum = 1, example = 42)]
    id: i64,
    /// `order.created` or `order.status_changed`.
    #[serde(rename = "type")]
    #[schema(example = "order.status_changed")]
    kind: &'static str,
    /// To which order.
    order_id: Uuid,
    /// What its status was; not with `order.created`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "pending")]
    from: Option<&'static str>,
    /// What its status became.
    #[schema(example = "paid")]
    to: &'static str,
    /// By whom; null if the program did it by itself, as when an order was not paid in time.
    #[schema(required = true)]
    actor_id: Option<Uuid>,
    /// When.
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
