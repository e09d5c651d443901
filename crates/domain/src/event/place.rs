//! The events of orders that take stock, or give it back.

use std::collections::HashMap;

use super::EventData;
use crate::{
    ProductId, Version,
    order::{Order, OrderLine, OrderStatus},
    product::{Stock, StockReason},
};

/// The products as they were before a transaction, by which the events tell what became of their stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockBefore(HashMap<ProductId, (Stock, Version)>);

impl FromIterator<(ProductId, Stock, Version)> for StockBefore {
    fn from_iter<I: IntoIterator<Item = (ProductId, Stock, Version)>>(products: I) -> Self {
        Self(products.into_iter().map(|(product, stock, version)| (product, (stock, version))).collect())
    }
}

impl StockBefore {
    /// The event of a line, after which the product has `change` of its stock. `None` for a product that is not among
    /// those, or whose stock does not allow the change.
    fn apply(
        &mut self,
        order: &Order,
        line: &OrderLine,
        reason: &'static str,
        change: impl FnOnce(Stock) -> Option<Stock>,
    ) -> Option<EventData> {
        let (stock, version) = self.0.get_mut(&line.product)?;
        let before = *stock;
        *stock = change(before)?;
        *version = version.next();
        Some(EventData::StockChanged {
            product: line.product,
            sku: line.sku.clone(),
            delta: stock.get() - before.get(),
            stock: *stock,
            reason: StockReason::of_program(reason),
            order: Some(order.id),
            version: *version,
        })
    }
}

/// The events of an order that was placed: its own, then one for each of its products. Orders that were placed in one
/// transaction are told one after the other, each with what the last has left.
pub fn placed(order: &Order, before: &mut StockBefore) -> Vec<EventData> {
    let take = |line: &OrderLine| before.apply(order, line, "order.placed", |stock| stock.take(line.quantity));
    let taken: Vec<_> = order.lines.iter().filter_map(take).collect();
    std::iter::once(EventData::order_created(order)).chain(taken).collect()
}

/// The events of the products whose stock an order gave back when it came to its present status.
pub fn returned(order: &Order, lines: &[OrderLine], before: &mut StockBefore) -> Vec<EventData> {
    let reason = match order.status {
        OrderStatus::Refunded => "order.refunded",
        _ => "order.cancelled",
    };
    let give = |line: &OrderLine| before.apply(order, line, reason, |stock| Some(stock.give_back(line.quantity)));
    lines.iter().filter_map(give).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        Money, OrderId, Timestamp, UserId,
        product::{ProductName, Quantity, Sku},
    };

    fn order(n: u128, lines: &[(u128, i64)]) -> Order {
        let nothing = Money::zero("GBP".parse().unwrap());
        let line = |&(product, quantity): &(u128, i64)| OrderLine {
            product: ProductId(Uuid::from_u128(product)),
            sku: Sku::parse("MUG").unwrap(),
            name: ProductName::parse("Mug").unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
            unit_price: nothing,
            line_total: nothing,
        };
        Order {
            id: OrderId(Uuid::from_u128(n)),
            user: UserId(Uuid::from_u128(9)),
            status: OrderStatus::Pending,
            lines: lines.iter().map(line).collect(),
            total: nothing,
            version: Version::FIRST,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn before(products: &[(u128, i64, i64)]) -> StockBefore {
        let product = |&(id, stock, version): &(u128, i64, i64)| {
            (ProductId(Uuid::from_u128(id)), Stock::new(stock).unwrap(), Version(version))
        };
        products.iter().map(product).collect()
    }

    fn stocks(events: &[EventData]) -> Vec<(i64, i64, i64)> {
        let stock = |event: &EventData| match event {
            EventData::StockChanged { delta, stock, version, .. } => Some((*delta, stock.get(), version.0)),
            _ => None,
        };
        events.iter().filter_map(stock).collect()
    }

    #[test]
    fn orders_of_one_transaction_take_one_after_the_other() {
        let mut products = before(&[(1, 10, 3), (2, 5, 1)]);
        let first = placed(&order(7, &[(2, 1), (1, 4)]), &mut products);
        assert!(matches!(first[0], EventData::OrderCreated { .. }));
        assert_eq!(stocks(&first), [(-1, 4, 2), (-4, 6, 4)]);
        assert_eq!(stocks(&placed(&order(8, &[(1, 6)]), &mut products)), [(-6, 0, 5)]);
    }

    #[test]
    fn stock_that_is_full_takes_what_fits() {
        let cancelled = Order { status: OrderStatus::Cancelled, ..order(7, &[(1, 4), (2, 1)]) };
        let events = returned(&cancelled, &cancelled.lines, &mut before(&[(1, 1, 1), (2, Stock::MAX, 1)]));
        assert_eq!(stocks(&events), [(4, 5, 2), (0, Stock::MAX, 2)]);
        let EventData::StockChanged { reason, order, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!((reason.as_str(), *order), ("order.cancelled", Some(cancelled.id)));
    }
}
