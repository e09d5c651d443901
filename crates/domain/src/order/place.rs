//! The decision to place an order.

use std::collections::HashMap;

use super::{Basket, Order, OrderLine, OrderStatus};
use crate::{
    Money, OrderId, ProductId, Timestamp, UserId, Version,
    product::{Product, Quantity, Sku, Stock},
};

/// A requested order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The identifier of the new order.
    pub id: OrderId,
    /// The buyer.
    pub user: UserId,
    pub basket: Basket,
    pub at: Timestamp,
}

/// A product with insufficient stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    pub product: ProductId,
    pub sku: Sku,
    pub wanted: Quantity,
    pub left: Stock,
}

/// Why an order is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// These products do not exist or are archived; in basket order.
    #[error("unknown products")]
    UnknownProducts(Vec<ProductId>),
    /// An order has one currency, that of its first product; these products have another.
    #[error("several currencies")]
    MixedCurrencies(Vec<ProductId>),
    /// The total exceeds [`Money::MAX`], at this product.
    #[error("the total is too large")]
    TotalTooLarge(ProductId),
    /// Insufficient stock of these products; all of them are listed, in basket order.
    #[error("insufficient stock")]
    InsufficientStock(Vec<Shortage>),
}

impl Order {
    /// Decides on a draft, given the present state of its products, in any order; a missing product is not for sale.
    /// Pure: the store that calls it in a transaction stores the result.
    ///
    /// Invalid requests are reported before insufficient stock.
    pub fn place<'p>(draft: &Draft, products: impl IntoIterator<Item = &'p Product>) -> Result<Self, Refusal> {
        let by_id: HashMap<ProductId, &Product> = products.into_iter().map(|p| (p.id, p)).collect();
        let wanted = draft.basket.lines();

        let unknown: Vec<_> = wanted.iter().map(|l| l.product).filter(|id| !by_id.contains_key(id)).collect();
        if !unknown.is_empty() {
            return Err(Refusal::UnknownProducts(unknown));
        }
        let found: Vec<(&Product, Quantity)> =
            wanted.iter().filter_map(|line| Some((*by_id.get(&line.product)?, line.quantity))).collect();
        let Some((first, _)) = found.first() else {
            return Err(Refusal::UnknownProducts(Vec::new()));
        };
        let currency = first.price.currency();
        let foreign: Vec<_> = found.iter().filter(|(p, _)| p.price.currency() != currency).map(|(p, _)| p.id).collect();
        if !foreign.is_empty() {
            return Err(Refusal::MixedCurrencies(foreign));
        }

        let mut total = Money::zero(currency);
        let mut lines = Vec::with_capacity(found.len());
        for (product, quantity) in &found {
            let too_large = || Refusal::TotalTooLarge(product.id);
            let line_total = product.price.times(quantity.get()).ok_or_else(too_large)?;
            total = total.plus(line_total).ok_or_else(too_large)?;
            lines.push(OrderLine {
                product: product.id,
                sku: product.sku.clone(),
                name: product.name.clone(),
                quantity: *quantity,
                unit_price: product.price,
                line_total,
            });
        }

        let short = shortages(&found);
        if !short.is_empty() {
            return Err(Refusal::InsufficientStock(short));
        }

        Ok(Self {
            id: draft.id,
            user: draft.user,
            status: OrderStatus::Pending,
            lines,
            total,
            version: Version::FIRST,
            created_at: draft.at,
            updated_at: draft.at,
        })
    }
}

/// The products whose stock is less than the requested quantity.
fn shortages(found: &[(&Product, Quantity)]) -> Vec<Shortage> {
    found
        .iter()
        .filter(|(product, quantity)| product.stock.take(*quantity).is_none())
        .map(|(product, quantity)| Shortage {
            product: product.id,
            sku: product.sku.clone(),
            wanted: *quantity,
            left: product.stock,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{Description, order::BasketLine, product::ProductName};

    fn product(id: u128, price: i64, currency: &str, stock: i64) -> Product {
        Product {
            id: ProductId(Uuid::from_u128(id)),
            sku: Sku::parse(&format!("S{id}")).unwrap(),
            name: ProductName::parse("Mug").unwrap(),
            description: Description::default(),
            price: Money::new(price, currency.parse().unwrap()).unwrap(),
            stock: Stock::new(stock).unwrap(),
            version: Version::FIRST,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn draft(lines: &[(u128, i64)]) -> Draft {
        let line = |&(id, quantity): &(u128, i64)| BasketLine {
            product: ProductId(Uuid::from_u128(id)),
            quantity: Quantity::new(quantity).unwrap(),
        };
        Draft {
            id: OrderId(Uuid::from_u128(99)),
            user: UserId(Uuid::from_u128(7)),
            basket: Basket::new(lines.iter().map(line).collect()).unwrap(),
            at: Timestamp::default(),
        }
    }

    #[test]
    fn prices_come_from_the_catalogue_and_add_up() {
        let products = [product(1, 295, "GBP", 10), product(2, 100, "GBP", 10)];
        let order = Order::place(&draft(&[(2, 3), (1, 2), (2, 1)]), &products).unwrap();
        assert_eq!(order.total.amount(), 2 * 295 + 4 * 100);
        let totals: Vec<_> = order.lines.iter().map(|l| (l.sku.as_str(), l.line_total.amount())).collect();
        assert_eq!(totals, [("S2", 400), ("S1", 590)]);
        assert_eq!((order.status, order.version), (OrderStatus::Pending, Version::FIRST));
    }

    #[test]
    fn every_short_product_is_listed_with_its_stock() {
        let products = [product(1, 1, "GBP", 2), product(2, 1, "GBP", 5), product(3, 1, "GBP", 0)];
        let refusal = Order::place(&draft(&[(3, 1), (2, 5), (1, 3)]), &products).unwrap_err();
        let Refusal::InsufficientStock(short) = refusal else { panic!("{refusal:?}") };
        let short: Vec<_> = short.iter().map(|s| (s.sku.as_str(), s.wanted.get(), s.left.get())).collect();
        assert_eq!(short, [("S3", 1, 0), ("S1", 3, 2)]);
    }

    #[test]
    fn every_unknown_product_is_listed() {
        let refusal = Order::place(&draft(&[(8, 1), (1, 1), (9, 1)]), &[product(1, 1, "GBP", 1)]).unwrap_err();
        let ids = [8, 9].map(|id| ProductId(Uuid::from_u128(id)));
        assert_eq!(refusal, Refusal::UnknownProducts(ids.to_vec()));
    }

    #[test]
    fn order_has_one_currency() {
        let products = [product(1, 1, "GBP", 9), product(2, 1, "EUR", 9)];
        let refusal = Order::place(&draft(&[(1, 1), (2, 1)]), &products).unwrap_err();
        assert_eq!(refusal, Refusal::MixedCurrencies(vec![products[1].id]));
    }

    #[test]
    fn too_large_total_is_refused() {
        let products = [product(1, Money::MAX, "GBP", 9), product(2, 1, "GBP", 9)];
        for lines in [&[(1, 2)][..], &[(1, 1), (2, 1)]] {
            let refusal = Order::place(&draft(lines), &products).unwrap_err();
            assert!(matches!(refusal, Refusal::TotalTooLarge(_)), "{refusal:?}");
        }
    }
}
