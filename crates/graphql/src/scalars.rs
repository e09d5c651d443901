//! Scalars and values that several types have.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use chrono::{Datelike, SecondsFormat, Utc};
use entrepot_domain::Timestamp;

/// A point in time: RFC 3339, UTC, with milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// A point in time: RFC 3339, UTC, with milliseconds.
#[Scalar(name = "DateTime")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let time = chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
        let time = time.filter(|time| (0..=9999).contains(&time.year()));
        time.map(Self).ok_or_else(|| InputValueError::custom("must be a moment like 2026-11-21T04:31:00Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.text())
    }
}

impl DateTime {
    /// `2026-11-21T04:31:00.123Z`
    pub(crate) fn text(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

/// An amount of money.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Money {
    /// Minor units: pence, cents.
    amount: i64,
    /// ISO 4217.
    currency: String,
}

impl From<entrepot_domain::Money> for Money {
    fn from(money: entrepot_domain::Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().to_string() }
    }
}
