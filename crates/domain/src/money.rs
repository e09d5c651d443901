//! Amounts of money, as integers.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The active ISO 4217 codes of money (no metals, no test codes), sorted, each followed by a space.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
    CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP \
    GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP \
    LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN \
    PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
    TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF XSU XUA YER ZAR \
    ZMW ZWG ";

impl Currency {
    /// Returns the code: three capital letters.
    pub fn as_str(&self) -> &str {
        // Contains ASCII letters only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The number of digits of its minor unit (ISO 4217): 2 for GBP, 0 for JPY, 3 for KWD.
    pub fn digits(&self) -> u32 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" | "XSU" | "XUA" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }

    /// Every known code, sorted.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        CODES.split_whitespace()
    }
}

impl Default for Currency {
    /// Pounds sterling, the `DEFAULT_CURRENCY` of the contract.
    fn default() -> Self {
        Self(*b"GBP")
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(code: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("must be an ISO 4217 currency code in capital letters, like GBP");
        let bytes: [u8; 3] = code.as_bytes().try_into().map_err(|_| bad())?;
        let (known, _) = CODES.as_bytes().as_chunks::<4>();
        if known.binary_search_by(|[a, b, c, _]| [*a, *b, *c].cmp(&bytes)).is_ok() {
            Ok(Self(bytes))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units (pence, cents) of one currency, from 0 to [`Money::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    /// The greatest amount: 2^53 - 1, up to which every JSON client reads integers exactly.
    pub const MAX: i64 = 9_007_199_254_740_991;

    /// The same number of minor units of another currency, without conversion.
    #[must_use]
    pub const fn of_currency(self, currency: Currency) -> Self {
        Self { currency, ..self }
    }

    /// Creates `amount` minor units, if that is in range.
    pub fn new(amount: i64, currency: Currency) -> Result<Self, Invalid> {
        match amount {
            0..=Self::MAX => Ok(Self { amount, currency }),
            ..0 => Err(Invalid::new("must not be negative")),
            _ => Err(Invalid::new("must be at most 9007199254740991")),
        }
    }

    /// Zero in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// Returns the amount in minor units.
    pub const fn amount(&self) -> i64 {
        self.amount
    }

    /// Returns the currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Multiplies; `None` above [`MAX`](Self::MAX).
    pub fn times(self, count: u32) -> Option<Self> {
        Self::new(self.amount.checked_mul(i64::from(count))?, self.currency).ok()
    }

    /// Adds; `None` above [`MAX`](Self::MAX), or if the currencies differ.
    pub fn plus(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Self::new(self.amount.checked_add(other.amount)?, self.currency).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gbp() -> Currency {
        "GBP".parse().unwrap()
    }

    #[test]
    fn every_code_is_found() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted() && codes.len() * 4 == CODES.len());
        assert!(codes.iter().all(|code| code.parse::<Currency>().is_ok()));
    }

    #[test]
    fn only_iso_codes_are_accepted() {
        assert_eq!(gbp().to_string(), "GBP");
        for bad in ["", "gbp", "GB", "GBPX", "XXX", "P E", "£££", "ABC"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }

    #[test]
    fn minor_units_have_the_digits_of_the_standard() {
        for (code, digits) in [("GBP", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("CLF", 4), ("MRU", 2)] {
            assert_eq!(code.parse::<Currency>().unwrap().digits(), digits, "{code}");
        }
    }

    #[test]
    fn arithmetic_does_not_overflow_or_mix_currencies() {
        let most = Money::new(Money::MAX, gbp()).unwrap();
        assert!(Money::new(Money::MAX + 1, gbp()).is_err() && Money::new(i64::MAX, gbp()).is_err());
        assert_eq!(most.times(1), Some(most));
        assert_eq!((most.times(2), most.times(u32::MAX)), (None, None));
        assert_eq!(most.plus(Money::new(1, gbp()).unwrap()), None);
        assert_eq!(most.plus(Money::zero("EUR".parse().unwrap())), None);
        assert!(Money::new(-1, gbp()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn multiplication_is_repeated_addition(amount in 0_i64..1_000_000, count in 1_u32..50) {
            let unit = Money::new(amount, gbp()).unwrap();
            let sum = (0..count).try_fold(Money::zero(gbp()), |sum, _| sum.plus(unit));
            proptest::prop_assert_eq!(unit.times(count), sum);
        }
    }
}
