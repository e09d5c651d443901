//! The decisions to change products.

use super::{Product, ProductChange, ProductError, ProductImport, StockChange};
use crate::{Invalid, Timestamp, Version};

impl Product {
    /// Decides on a change, given the present product. Pure: the store that calls it in a transaction writes the
    /// result, and checks whether the sku is taken.
    ///
    /// Errors: `VersionConflict`.
    pub fn change(
        &self,
        change: &ProductChange,
        expected: Option<Version>,
        at: Timestamp,
    ) -> Result<Self, ProductError> {
        self.at_version(expected)?;
        let price = match change.price {
            Some(price) if change.keeps_currency => price.of_currency(self.price.currency()),
            Some(price) => price,
            None => self.price,
        };
        Ok(Self {
            sku: change.sku.as_ref().unwrap_or(&self.sku).clone(),
            name: change.name.as_ref().unwrap_or(&self.name).clone(),
            description: change.description.as_ref().unwrap_or(&self.description).clone(),
            price,
            version: self.version.next(),
            updated_at: at,
            ..self.clone()
        })
    }

    /// Decides on a stock adjustment.
    ///
    /// Errors: `VersionConflict`, `InsufficientStock`, `TooMuchStock`.
    pub fn adjust_stock(&self, change: &StockChange, expected: Option<Version>) -> Result<Self, ProductError> {
        self.at_version(expected)?;
        let stock = self.stock.shift(change.delta).ok_or(if change.delta < 0 {
            ProductError::InsufficientStock { left: self.stock }
        } else {
            ProductError::TooMuchStock
        })?;
        Ok(Self { stock, version: self.version.next(), updated_at: change.cause.at, ..self.clone() })
    }

    /// Decides whether the product may be archived, and returns the archived product.
    ///
    /// Errors: `VersionConflict`.
    pub fn archive(&self, expected: Option<Version>, at: Timestamp) -> Result<Self, ProductError> {
        self.at_version(expected)?;
        Ok(Self { version: self.version.next(), updated_at: at, ..self.clone() })
    }

    /// Decides whether an archived product may be restored, and returns the restored product. The store checks whether
    /// another product has its sku.
    ///
    /// Errors: `VersionConflict`.
    pub fn restore(&self, expected: Option<Version>, at: Timestamp) -> Result<Self, ProductError> {
        self.at_version(expected)?;
        Ok(Self { version: self.version.next(), updated_at: at, ..self.clone() })
    }

    fn at_version(&self, expected: Option<Version>) -> Result<(), ProductError> {
        if self.version.satisfies(expected) { Ok(()) } else { Err(ProductError::VersionConflict) }
    }
}

impl ProductImport {
    /// Applies the import to the product that has its sku, or creates a new product. Refuses a price that the product's
    /// currency cannot express.
    pub fn onto(&self, known: Option<Product>, now: Timestamp) -> Result<Product, Invalid> {
        let (sku, name) = (self.sku.clone(), self.name.clone());
        let price = self.price.in_currency_of(known.as_ref().map(|was| was.price.currency()))?;
        Ok(match known {
            Some(was) => Product {
                sku,
                name,
                price,
                description: self.description.clone().unwrap_or(was.description),
                stock: self.stock.unwrap_or(was.stock),
                version: was.version.next(),
                updated_at: now,
                ..was
            },
            None => Product {
                id: self.id,
                sku,
                name,
                description: self.description.clone().unwrap_or_default(),
                price,
                stock: self.stock.unwrap_or_default(),
                version: Version::FIRST,
                created_at: now,
                updated_at: now,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        Description, Money, ProductId, UserId,
        audit::{Cause, Who},
        product::{ProductName, Sku, Stock, StockReason},
    };

    fn money(amount: i64, currency: &str) -> Money {
        Money::new(amount, currency.parse().unwrap()).unwrap()
    }

    fn mug(stock: i64) -> Product {
        Product {
            id: ProductId(Uuid::from_u128(1)),
            sku: Sku::parse("MUG").unwrap(),
            name: ProductName::parse("Mug").unwrap(),
            description: Description::parse("blue").unwrap(),
            price: money(295, "EUR"),
            stock: Stock::new(stock).unwrap(),
            version: Version(3),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_timestamp_millis(1_000).unwrap()
    }

    fn by(delta: i64) -> StockChange {
        let cause = Cause { id: Uuid::nil(), at: now(), who: Who::CommandLine, origin: None };
        let (reason, actor) = (StockReason::parse("counted").unwrap(), UserId(Uuid::from_u128(2)));
        StockChange { delta, reason, actor, cause }
    }

    #[test]
    fn change_sets_the_given_fields_and_increments_the_version() {
        let was = mug(5);
        let nothing = was.change(&ProductChange::default(), Some(Version(3)), now()).unwrap();
        assert_eq!(nothing, Product { version: Version(4), updated_at: now(), ..was.clone() });
        let all = ProductChange {
            sku: Some(Sku::parse("CUP").unwrap()),
            name: Some(ProductName::parse("Cup").unwrap()),
            description: Some(Description::default()),
            price: Some(money(7, "GBP")),
            keeps_currency: false,
        };
        let expected = Product {
            sku: Sku::parse("CUP").unwrap(),
            name: ProductName::parse("Cup").unwrap(),
            description: Description::default(),
            price: money(7, "GBP"),
            version: Version(4),
            updated_at: now(),
            ..was.clone()
        };
        assert_eq!(was.change(&all, None, now()).unwrap(), expected);
    }

    #[test]
    fn amount_without_a_currency_keeps_the_currency() {
        let dearer = ProductChange { price: Some(money(7, "GBP")), keeps_currency: true, ..ProductChange::default() };
        assert_eq!(mug(5).change(&dearer, None, now()).unwrap().price, money(7, "EUR"));
    }

    #[test]
    fn stock_stays_in_its_range() {
        let was = mug(5);
        let none = was.adjust_stock(&by(-5), Some(Version(3))).unwrap();
        let stock = Stock::default();
        assert_eq!(none, Product { stock, version: Version(4), updated_at: now(), ..was.clone() });
        for delta in [-6, i64::MIN] {
            let refused = was.adjust_stock(&by(delta), None);
            assert!(matches!(refused, Err(ProductError::InsufficientStock { left }) if left == was.stock));
        }
        assert_eq!(was.adjust_stock(&by(Stock::MAX - 5), None).unwrap().stock.get(), Stock::MAX);
        for delta in [Stock::MAX - 4, i64::MAX] {
            assert!(matches!(was.adjust_stock(&by(delta), None), Err(ProductError::TooMuchStock)));
        }
    }

    #[test]
    fn archiving_and_restoring_increment_the_version() {
        let archived = mug(5).archive(Some(Version(3)), now()).unwrap();
        assert_eq!(archived, Product { version: Version(4), updated_at: now(), ..mug(5) });
        let restored = archived.restore(Some(Version(4)), now()).unwrap();
        assert_eq!(restored, Product { version: Version(5), ..archived });
    }

    #[test]
    fn stale_version_is_refused_before_other_errors() {
        let stale = Some(Version(2));
        for refused in [
            mug(5).change(&ProductChange::default(), stale, now()),
            mug(5).adjust_stock(&by(-6), stale),
            mug(5).archive(stale, now()),
            mug(5).restore(stale, now()),
        ] {
            assert!(matches!(refused, Err(ProductError::VersionConflict)), "{refused:?}");
        }
    }

    #[test]
    fn import_keeps_fields_that_it_does_not_set() {
        let import = ProductImport {
            id: ProductId(Uuid::from_u128(9)),
            sku: Sku::parse("MUG").unwrap(),
            name: ProductName::parse("Big mug").unwrap(),
            price: money(1, "GBP").into(),
            description: None,
            stock: None,
        };
        let onto = import.onto(Some(mug(5)), now()).unwrap();
        let (name, price) = (import.name.clone(), money(1, "GBP"));
        assert_eq!(onto, Product { name, price, version: Version(4), updated_at: now(), ..mug(5) });
        let new = import.onto(None, now()).unwrap();
        assert_eq!((new.id, new.version, new.stock), (import.id, Version::FIRST, Stock::default()));
        assert_eq!((new.description, new.created_at), (Description::default(), now()));
    }
}
