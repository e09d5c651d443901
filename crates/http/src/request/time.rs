//! Points in time: a query may name a day.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use entrepot_domain::{Invalid, Timestamp};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::AnyOfBuilder},
};

use super::field::{Field, FromJson, Parsed};

/// A point in time; a date is the first millisecond of that day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StartOfDay(pub(crate) Timestamp);

/// A point in time; a date is the last millisecond of that day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EndOfDay(pub(crate) Timestamp);

impl FromJson for StartOfDay {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        Ok(Self(parse(text, NaiveTime::MIN)?))
    }
}

impl FromJson for EndOfDay {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        let end = NaiveTime::from_hms_milli_opt(23, 59, 59, 999).unwrap_or_default();
        Ok(Self(parse(text, end)?))
    }
}

/// A point in time as RFC 3339 writes it, or a date, which is this time of that day in UTC.
fn parse(text: &str, time_of_day: NaiveTime) -> Result<Timestamp, Invalid> {
    // In a query, a plus sign that was not encoded arrives as a space.
    let text = text.replace(' ', "+");
    let time = read(&text, time_of_day).filter(|time| RFC_3339_YEARS.contains(&time.year()));
    time.ok_or_else(|| Invalid::new("must be a moment like 2026-11-21T04:31:00Z or a date like 2026-11-21"))
}

/// The years that RFC 3339 can write. They are those of UTC, in which times are stored and shown.
const RFC_3339_YEARS: RangeInclusive<i32> = 0..=9999;

/// The length of `2026-11-21`.
const DATE_LENGTH: usize = 10;

fn read(text: &str, time_of_day: NaiveTime) -> Option<Timestamp> {
    // chrono takes signs and spaces before numbers.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if text.len() == DATE_LENGTH {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        return Some(date.and_time(time_of_day).and_utc());
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

/// A rule for the start of a period, beside its end.
pub(crate) fn is_not_after(to: &Field<Option<EndOfDay>>) -> impl Fn(&Field<Option<StartOfDay>>, &()) -> garde::Result {
    move |from, ()| match (from.get(), to.get()) {
        (Some(Some(StartOfDay(from))), Some(Some(EndOfDay(to)))) if from > to => {
            Err(garde::Error::new("must not be later than to"))
        }
        _ => Ok(()),
    }
}

/// The schema of [`StartOfDay`] and [`EndOfDay`].
pub(crate) struct TimeOrDate;

impl PartialSchema for TimeOrDate {
    fn schema() -> RefOr<Schema> {
        let text =
            |format| ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
        AnyOfBuilder::new().item(text(KnownFormat::DateTime)).item(text(KnownFormat::Date)).into()
    }
}

impl ToSchema for TimeOrDate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_a_whole_day() {
        let start = |text| StartOfDay::from_text(text).map(|StartOfDay(at)| at.to_rfc3339());
        let end = |text| EndOfDay::from_text(text).map(|EndOfDay(at)| at.to_rfc3339());
        assert_eq!(start("2026-11-21").unwrap(), "2026-11-21T00:00:00+00:00");
        assert_eq!(end("2026-11-21").unwrap(), "2026-11-21T23:59:59.999+00:00");
        assert_eq!(start("2026-11-21T10:00:00 02:00").unwrap(), "2026-11-21T08:00:00+00:00");
        for bad in ["", "yesterday", "2026-13-01", "2026-1-1", "20261121", "1"] {
            assert!(start(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn years_have_four_digits_in_utc_too() {
        let start = |text| StartOfDay::from_text(text).map(|StartOfDay(at)| at.to_rfc3339());
        assert_eq!(start("9999-12-31T23:59:59Z").unwrap(), "9999-12-31T23:59:59+00:00");
        assert_eq!(start("0000-01-01").unwrap(), "0000-01-01T00:00:00+00:00");
        for bad in [
            "9999-12-31T23:59:59-05:00",
            "0000-01-01T00:00:00+00:01",
            "-001-01-01",
            "+999-11-21",
            "+999-11-21T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "12026-11-21",
            "12026-11-21T00:00:00Z",
            " 2026-11-2",
        ] {
            assert!(start(bad).is_err(), "{bad}");
        }
    }
}
