//! The `data` of each type of event.

use std::borrow::Cow;

use entrepot_domain::event::EventData;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What happened: its `type` and `data`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum DataView<'a> {
    #[serde(rename = "order.created", borrow)]
    OrderCreated(OrderCreated<'a>),
    #[serde(rename = "order.status_changed", borrow)]
    OrderStatusChanged(OrderStatusChanged<'a>),
    #[serde(rename = "product.created", borrow)]
    ProductCreated(ProductChanged<'a>),
    #[serde(rename = "product.updated", borrow)]
    ProductUpdated(ProductChanged<'a>),
    #[serde(rename = "product.archived", borrow)]
    ProductArchived(ProductChanged<'a>),
    #[serde(rename = "product.stock_changed", borrow)]
    StockChanged(StockChanged<'a>),
    #[serde(rename = "user.registered")]
    UserRegistered(User),
    #[serde(rename = "user.deleted")]
    UserDeleted(User),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderCreated<'a> {
    pub(crate) order_id: Uuid,
    pub(crate) user_id: Uuid,
    #[serde(borrow)]
    pub(crate) status: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) total: Money<'a>,
    pub(crate) version: i64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Money<'a> {
    pub(crate) amount: i64,
    #[serde(borrow)]
    pub(crate) currency: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderStatusChanged<'a> {
    pub(crate) order_id: Uuid,
    pub(crate) user_id: Uuid,
    #[serde(borrow)]
    pub(crate) from: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) to: Cow<'a, str>,
    pub(crate) version: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductChanged<'a> {
    pub(crate) product_id: Uuid,
    #[serde(borrow)]
    pub(crate) sku: Cow<'a, str>,
    pub(crate) version: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StockChanged<'a> {
    pub(crate) product_id: Uuid,
    #[serde(borrow)]
    pub(crate) sku: Cow<'a, str>,
    pub(crate) delta: i64,
    pub(crate) stock: i64,
    #[serde(borrow)]
    pub(crate) reason: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order_id: Option<Uuid>,
    pub(crate) version: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    pub(crate) user_id: Uuid,
}

impl<'a> From<&'a EventData> for DataView<'a> {
    fn from(event: &'a EventData) -> Self {
        match event {
            EventData::OrderCreated { order, user, status, total, version } => Self::OrderCreated(OrderCreated {
                order_id: order.0,
                user_id: user.0,
                status: status.as_str().into(),
                total: Money { amount: total.amount(), currency: total.currency().to_string().into() },
                version: version.0,
            }),
            EventData::OrderStatusChanged { order, user, from, to, version } => {
                Self::OrderStatusChanged(OrderStatusChanged {
                    order_id: order.0,
                    user_id: user.0,
                    from: from.as_str().into(),
                    to: to.as_str().into(),
                    version: version.0,
                })
            }
            EventData::ProductCreated { product, sku, version } => {
                Self::ProductCreated(ProductChanged::new(product.0, sku.as_str(), version.0))
            }
            EventData::ProductUpdated { product, sku, version } => {
                Self::ProductUpdated(ProductChanged::new(product.0, sku.as_str(), version.0))
            }
            EventData::ProductArchived { product, sku, version } => {
                Self::ProductArchived(ProductChanged::new(product.0, sku.as_str(), version.0))
            }
            EventData::StockChanged { product, sku, delta, stock, reason, order, version } => {
                Self::StockChanged(StockChanged {
                    product_id: product.0,
                    sku: sku.as_str().into(),
                    delta: *delta,
                    stock: stock.get(),
                    reason: reason.as_str().into(),
                    order_id: order.map(|order| order.0),
                    version: version.0,
                })
            }
            EventData::UserRegistered { user } => Self::UserRegistered(User { user_id: user.0 }),
            EventData::UserDeleted { user } => Self::UserDeleted(User { user_id: user.0 }),
        }
    }
}

impl<'a> ProductChanged<'a> {
    fn new(product_id: Uuid, sku: &'a str, version: i64) -> Self {
        Self { product_id, sku: sku.into(), version }
    }
}
