//! Reads kept events, by the rules of the domain.

use entrepot_domain::{
    Invalid, Money, OrderId, ProductId, UserId, Version,
    event::EventData,
    product::{Sku, Stock, StockReason},
};

use crate::data::{DataView, OrderCreated, OrderStatusChanged, ProductChanged, StockChanged};

impl DataView<'_> {
    pub(crate) fn parse(self) -> Result<EventData, Invalid> {
        Ok(match self {
            Self::OrderCreated(OrderCreated { order_id, user_id, status, total, version }) => EventData::OrderCreated {
                order: OrderId(order_id),
                user: UserId(user_id),
                status: status.parse()?,
                total: Money::new(total.amount, total.currency.parse()?)?,
                version: Version(version),
            },
            Self::OrderStatusChanged(OrderStatusChanged { order_id, user_id, from, to, version }) => {
                EventData::OrderStatusChanged {
                    order: OrderId(order_id),
                    user: UserId(user_id),
                    from: from.parse()?,
                    to: to.parse()?,
                    version: Version(version),
                }
            }
            Self::ProductCreated(product) => {
                let (product, sku, version) = product.parse()?;
                EventData::ProductCreated { product, sku, version }
            }
            Self::ProductUpdated(product) => {
                let (product, sku, version) = product.parse()?;
                EventData::ProductUpdated { product, sku, version }
            }
            Self::ProductArchived(product) => {
                let (product, sku, version) = product.parse()?;
                EventData::ProductArchived { product, sku, version }
            }
            Self::StockChanged(StockChanged { product_id, sku, delta, stock, reason, order_id, version }) => {
                EventData::StockChanged {
                    product: ProductId(product_id),
                    sku: Sku::parse(&sku)?,
                    delta,
                    stock: Stock::new(stock)?,
                    reason: StockReason::parse(&reason)?,
                    order: order_id.map(OrderId),
                    version: Version(version),
                }
            }
            Self::UserRegistered(user) => EventData::UserRegistered { user: UserId(user.user_id) },
            Self::UserDeleted(user) => EventData::UserDeleted { user: UserId(user.user_id) },
        })
    }
}

impl ProductChanged<'_> {
    fn parse(self) -> Result<(ProductId, Sku, Version), Invalid> {
        Ok((ProductId(self.product_id), Sku::parse(&self.sku)?, Version(self.version)))
    }
}
