//! Prices of imports.

use crate::{Currency, DecimalAmount, Invalid, Money};

/// An amount as an import has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportAmount {
    /// In minor units.
    Minor(i64),
    /// In major units.
    Decimal(DecimalAmount),
}

/// A price as an import has it. Without a currency, it is in the product's present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportPrice {
    pub amount: ImportAmount,
    /// The currency, if the import has one.
    pub currency: Option<Currency>,
    /// The currency of a new product, if the import has none.
    pub default_currency: Currency,
}

impl ImportPrice {
    /// Returns the price of a product whose currency is `known`, or of a new product.
    pub fn in_currency_of(&self, known: Option<Currency>) -> Result<Money, Invalid> {
        let currency = self.currency.or(known).unwrap_or(self.default_currency);
        let amount = match self.amount {
            ImportAmount::Minor(amount) => amount,
            ImportAmount::Decimal(amount) => amount.minor_units(currency)?,
        };
        Money::new(amount, currency)
    }
}

impl From<Money> for ImportPrice {
    fn from(price: Money) -> Self {
        let currency = price.currency();
        Self { amount: ImportAmount::Minor(price.amount()), currency: Some(currency), default_currency: currency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn currency_is_that_of_the_import_then_the_product_then_the_default() {
        let (eur, jpy, gbp) = (currency("EUR"), currency("JPY"), currency("GBP"));
        let mut price = ImportPrice { amount: ImportAmount::Minor(300), currency: None, default_currency: gbp };
        assert_eq!(price.in_currency_of(None), Money::new(300, gbp));
        assert_eq!(price.in_currency_of(Some(jpy)), Money::new(300, jpy));
        price.currency = Some(eur);
        assert_eq!(price.in_currency_of(Some(jpy)), Money::new(300, eur));
    }

    #[test]
    fn decimal_amount_is_converted_in_the_products_currency() {
        let amount = ImportAmount::Decimal(DecimalAmount::parse("2.95").unwrap());
        let price = ImportPrice { amount, currency: None, default_currency: currency("GBP") };
        assert_eq!(price.in_currency_of(Some(currency("KWD"))), Money::new(2_950, currency("KWD")));
        assert!(price.in_currency_of(Some(currency("JPY"))).is_err());
    }
}
