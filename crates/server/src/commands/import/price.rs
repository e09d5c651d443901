//! Prices and stock, as files write them.

use entrepot_domain::{
    Currency, DecimalAmount, Invalid,
    product::{ImportAmount, ImportPrice, Stock},
};

/// How the prices of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PriceStyle {
    /// In minor units: 295.
    Minor,
    /// In major units: 2.95, with no more digits than the currency has.
    Decimal,
    /// In major units by another program, which may add zeros: 2.950000.
    Exported,
}

impl PriceStyle {
    /// Parses a price. What depends on a currency that only the store knows is left to it.
    pub(super) fn parse(
        self,
        text: &str,
        currency: Option<Currency>,
        default: Currency,
    ) -> Result<ImportPrice, Invalid> {
        let amount = match self {
            Self::Minor => ImportAmount::Minor(minor(text, currency.unwrap_or(default))?),
            Self::Decimal => ImportAmount::Decimal(DecimalAmount::parse(text)?),
            Self::Exported => ImportAmount::Decimal(DecimalAmount::parse(text)?.without_trailing_zeros()),
        };
        let price = ImportPrice { amount, currency, default_currency: default };
        if currency.is_some() || self == Self::Minor {
            price.in_currency_of(None)?;
        }
        Ok(price)
    }
}

fn minor(text: &str, currency: Currency) -> Result<i64, Invalid> {
    text.trim().parse().map_err(|_| {
        let minor = DecimalAmount::parse(text).and_then(|amount| amount.minor_units(currency));
        Invalid::new(match minor {
            Ok(minor) => format!("must be a whole number of minor units: write {minor}, or use --decimal"),
            Err(_) => "must be a whole number of minor units".to_owned(),
        })
    })
}

/// Stock in a file of this program.
pub(super) fn stock(text: &str) -> Result<Stock, Invalid> {
    let count = text.trim().parse().map_err(|_| Invalid::new("must be a whole number"))?;
    Stock::new(count)
}

/// Stock as other programs write it: perhaps with zeros behind a point, and below zero where more was sold than there
/// was.
pub(super) fn exported_stock(text: &str) -> Result<Stock, Invalid> {
    let text = text.trim();
    let text = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
    let count: i64 = text.parse().map_err(|_| Invalid::new("must be a whole number"))?;
    Stock::new(count.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(style: PriceStyle, text: &str, currency: Option<&str>) -> Result<i64, String> {
        let (currency, gbp) = (currency.map(|code| code.parse().unwrap()), Currency::default());
        let price = style.parse(text, currency, gbp).map_err(String::from)?;
        Ok(price.in_currency_of(None)?.amount())
    }

    #[test]
    fn decimal_price_without_the_option_names_the_option() {
        let refused = |text, currency| parse(PriceStyle::Minor, text, currency).unwrap_err();
        assert!(refused("2.95", None).ends_with(": write 295, or use --decimal"));
        assert!(refused("2.95", Some("KWD")).ends_with(": write 2950, or use --decimal"));
        assert!(refused("2,95", Some("EUR")).ends_with(": write 295, or use --decimal"));
        for (text, currency) in [("2.95", Some("JPY")), ("1,000", None), ("£2.95", None), ("", None)] {
            assert_eq!(refused(text, currency), "must be a whole number of minor units", "{text}");
        }
        assert_eq!(refused("-5", None), "must not be negative");
        assert_eq!(parse(PriceStyle::Minor, " 295 ", None), Ok(295));
    }

    #[test]
    fn decimal_prices_are_exact_and_exported_ones_may_have_zeros() {
        assert_eq!(parse(PriceStyle::Decimal, "2.95", Some("GBP")), Ok(295));
        assert_eq!(parse(PriceStyle::Decimal, "2.95", Some("KWD")), Ok(2_950));
        assert!(parse(PriceStyle::Decimal, "2.950", Some("GBP")).is_err());
        assert_eq!(parse(PriceStyle::Exported, "2.950000", Some("GBP")), Ok(295));
        assert_eq!(parse(PriceStyle::Exported, "295.0", Some("JPY")), Ok(295));
        assert!(parse(PriceStyle::Exported, "2.955", Some("GBP")).is_err());
    }

    #[test]
    fn without_a_currency_the_store_judges_the_digits() {
        assert!(PriceStyle::Decimal.parse("2.955", None, Currency::default()).is_ok());
        assert!(PriceStyle::Decimal.parse("-1", None, Currency::default()).is_err());
    }

    #[test]
    fn exported_stock_may_be_oversold() {
        let count = |text| exported_stock(text).map(Stock::get).map_err(String::from);
        assert_eq!((count("7"), count("100.0000"), count("-3")), (Ok(7), Ok(100), Ok(0)));
        assert!(count("1.5").is_err() && count("x").is_err() && count("").is_err());
        assert!(stock("-3").is_err());
    }
}
