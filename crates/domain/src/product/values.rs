//! The values of products.

use std::fmt;

use crate::{Invalid, text::line_of_text};

line_of_text!(
    /// The name of a product.
    ProductName,
    200
);

line_of_text!(
    /// The reason of a stock adjustment.
    StockReason,
    200
);

impl StockReason {
    /// A reason that the program itself gives.
    pub(crate) fn of_program(reason: &'static str) -> Self {
        Self(reason.to_owned())
    }
}

/// The shop's identifier of a product: 1 to 64 printable ASCII characters, case-sensitive: real catalogues have
/// `15056bl` beside `15056BL`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(String);

impl Sku {
    /// Parses and trims it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if !(1..=64).contains(&text.len()) {
            return Err(Invalid::new("must be 1 to 64 characters long"));
        }
        if !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return Err(Invalid::new("must have printable ASCII characters only"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A quantity: 1 to 2,147,483,647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

impl Quantity {
    /// The maximum, that of an SQL `integer`.
    pub const MAX: u32 = 2_147_483_647;

    /// Checks the range.
    pub fn new(count: i64) -> Result<Self, Invalid> {
        match u32::try_from(count) {
            Ok(count @ 1..=Self::MAX) => Ok(Self(count)),
            _ => Err(Invalid::new("must be between 1 and 2147483647")),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Adds; `None` above [`MAX`](Self::MAX).
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::new(i64::from(self.0) + i64::from(other.0)).ok()
    }
}

/// A stock: 0 to 2⁵³ − 1, the greatest integer that every JSON parser reads exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stock(i64);

impl Stock {
    /// The maximum.
    pub const MAX: i64 = 9_007_199_254_740_991;

    /// Checks the range.
    pub fn new(count: i64) -> Result<Self, Invalid> {
        if (0..=Self::MAX).contains(&count) {
            Ok(Self(count))
        } else {
            Err(Invalid::new("must be between 0 and 9007199254740991"))
        }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Subtracts a quantity; `None` if the stock is insufficient.
    pub fn take(self, quantity: Quantity) -> Option<Self> {
        Self::new(self.0 - i64::from(quantity.get())).ok()
    }

    /// Adds a returned quantity, up to [`Stock::MAX`], so that returning goods never fails.
    #[must_use]
    pub fn give_back(self, quantity: Quantity) -> Self {
        Self(self.0.saturating_add(i64::from(quantity.get())).min(Self::MAX))
    }

    /// Adds `delta`; `None` if out of range.
    pub fn shift(self, delta: i64) -> Option<Self> {
        self.0.checked_add(delta).and_then(|count| Self::new(count).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_of_real_catalogues_are_accepted() {
        for good in ["85123A", "BANK CHARGES", "gift_0001_40", "m", " 22423 "] {
            assert_eq!(Sku::parse(good).unwrap().as_str(), good.trim());
        }
        for bad in ["", "  ", "a\tb", "a\0b", "£40", &"x".repeat(65)] {
            assert!(Sku::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn quantities_have_a_range() {
        assert!(Quantity::new(0).is_err());
        assert!(Quantity::new(-1).is_err());
        assert!(Quantity::new(1 << 40).is_err());
        let most = Quantity::new(i64::from(Quantity::MAX)).unwrap();
        assert_eq!(most.plus(Quantity::new(1).unwrap()), None);
    }

    #[test]
    fn stock_does_not_become_negative_or_overflow() {
        let five = Stock::new(5).unwrap();
        assert_eq!(five.take(Quantity::new(5).unwrap()), Some(Stock::default()));
        assert_eq!(five.take(Quantity::new(6).unwrap()), None);
        assert_eq!(five.shift(i64::MIN), None);
        assert_eq!(five.shift(i64::MAX), None);
        assert_eq!(five.shift(-5), Some(Stock::default()));
    }

    #[test]
    fn returned_stock_is_capped_at_the_maximum() {
        let ten = Quantity::new(10).unwrap();
        assert_eq!(Stock::new(5).unwrap().give_back(ten).get(), 15);
        assert_eq!(Stock::new(Stock::MAX - 9).unwrap().give_back(ten).get(), Stock::MAX);
    }
}
