//! Amounts in major units.

use crate::{Currency, Invalid};

/// An amount in major units (`2.95`) whose currency may not be known yet. The currency determines how many minor units
/// it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecimalAmount {
    /// All digits as one number: 295 for `2.95`.
    digits: i64,
    /// The number of digits after the decimal sign.
    scale: u32,
}

impl DecimalAmount {
    /// Parses digits with at most one decimal sign: a point, or a comma followed by one or two digits. A comma followed
    /// by three digits may be a thousands separator and is refused.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("must be an amount like 2.95");
        let text = text.trim();
        if text.starts_with('-') {
            return Err(Invalid::new("must not be negative"));
        }
        let (whole, fraction) = match (text.split_once('.'), text.split_once(',')) {
            (Some(_), Some(_)) => return Err(Invalid::new("must have no separators of thousands")),
            (Some(parts), None) => parts,
            (None, Some((whole, fraction))) => match fraction.len() {
                1 | 2 => (whole, fraction),
                _ => return Err(Invalid::new("must be written with a point, like 2.95")),
            },
            (None, None) if text.is_empty() => return Err(bad()),
            (None, None) => (text, "0"),
        };
        if fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        let digits = format!("{whole}{fraction}").parse().map_err(|_| Invalid::new("is too large"))?;
        let scale = u32::try_from(fraction.len()).map_err(|_| bad())?;
        let amount = Self { digits, scale };
        Ok(if text.contains(['.', ',']) { amount } else { amount.without_trailing_zeros() })
    }

    /// Removes zeros at the end: some programs write more digits than the currency has (`14.000000`).
    #[must_use]
    pub const fn without_trailing_zeros(mut self) -> Self {
        while self.scale > 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.scale -= 1;
        }
        self
    }

    /// Converts to minor units of a currency. Refuses more digits after the decimal sign than the currency has.
    pub fn minor_units(self, currency: Currency) -> Result<i64, Invalid> {
        let Some(missing) = currency.digits().checked_sub(self.scale) else {
            return Err(Invalid::new(match currency.digits() {
                0 => format!("must be a whole number, as {currency} has no minor unit"),
                digits => format!("must have at most {digits} digits behind the point, as {currency} has"),
            }));
        };
        let units = 10_i64.checked_pow(missing).and_then(|factor| self.digits.checked_mul(factor));
        units.ok_or_else(|| Invalid::new("is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str, currency: &str) -> Result<i64, String> {
        DecimalAmount::parse(text)?.minor_units(currency.parse().unwrap()).map_err(String::from)
    }

    #[test]
    fn minor_units_depend_on_the_currency() {
        for (text, currency, expected) in [
            ("2.95", "GBP", 295),
            ("2.9", "GBP", 290),
            ("2", "GBP", 200),
            ("300", "JPY", 300),
            ("2.95", "KWD", 2_950),
            ("2.955", "KWD", 2_955),
            (" 0.05 ", "EUR", 5),
            (".5", "EUR", 50),
            ("2,95", "EUR", 295),
            ("2,9", "EUR", 290),
            ("1.2345", "CLF", 12_345),
        ] {
            assert_eq!(minor(text, currency), Ok(expected), "{text} {currency}");
        }
    }

    #[test]
    fn ambiguous_and_inexact_amounts_are_refused() {
        for (text, currency) in [
            ("2.955", "GBP"),
            ("1.000", "EUR"),
            ("2.95", "JPY"),
            ("300.0", "JPY"),
            ("1,000", "KWD"),
            ("1,234.50", "GBP"),
            ("1.234,50", "EUR"),
            ("", "GBP"),
            (" ", "GBP"),
            (".", "GBP"),
            ("2.", "GBP"),
            ("-2.95", "GBP"),
            ("+2.95", "GBP"),
            ("£2.95", "GBP"),
            ("2e3", "GBP"),
            ("٢", "GBP"),
            ("92233720368547758.08", "GBP"),
            ("92233720368547758.07", "KWD"),
        ] {
            assert!(minor(text, currency).is_err(), "{text} {currency}");
        }
    }

    #[test]
    fn trailing_zeros_can_be_removed() {
        let trimmed = |text| DecimalAmount::parse(text).unwrap().without_trailing_zeros();
        assert_eq!(trimmed("14.000000").minor_units("JPY".parse().unwrap()), Ok(14));
        assert_eq!(trimmed("14.500000").minor_units("GBP".parse().unwrap()), Ok(1_450));
        assert!(trimmed("14.505000").minor_units("GBP".parse().unwrap()).is_err());
        assert_eq!(trimmed("0.00").minor_units("JPY".parse().unwrap()), Ok(0));
    }
}
