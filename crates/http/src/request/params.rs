//! Query strings.

use std::collections::BTreeMap;

use entrepot_application::{Error, FieldError};
use entrepot_domain::{Invalid, Timestamp};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::AnyOfBuilder},
};

use crate::error::ApiResult;

/// The most characters that are looked for.
const MAX_WORDS: usize = 200;

/// The parameters of a query string, taken one by one. Unknown ones are left alone: clients and proxies add their own.
pub(crate) struct Params {
    values: BTreeMap<String, Vec<String>>,
    errors: Vec<FieldError>,
    /// The parameters that were read, as they came: what a list of other parameters would not have.
    read: String,
}

impl Params {
    pub(crate) fn new(query: &str) -> Self {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            values.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self { values, errors: Vec::new(), read: String::new() }
    }

    /// A parameter as it is; `None` if it did not come. An empty one is taken as it is.
    pub(crate) fn raw(&mut self, name: &str) -> Option<String> {
        let mut values = self.values.remove(name)?;
        if values.len() > 1 {
            self.refuse(name, "must come once");
        }
        values.pop()
    }

    /// A parameter that filters or sorts; an empty one is as good as none.
    pub(crate) fn get<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let text = self.raw(name).filter(|text| !text.is_empty())?;
        self.read.extend([name, "=", &text, "\n"]);
        match parse(&text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.refuse(name, why);
                None
            }
        }
    }

    /// Words to look for.
    pub(crate) fn words(&mut self, name: &str) -> Option<String> {
        self.get(name, |words| {
            if words.chars().count() > MAX_WORDS {
                return Err(Invalid::new("must be at most 200 characters long"));
            }
            if words.chars().any(char::is_control) {
                return Err(Invalid::new("must not contain control characters"));
            }
            Ok(words.to_owned())
        })
    }

    /// A whole number that is not negative.
    pub(crate) fn natural(&mut self, name: &str) -> Option<u64> {
        self.get(name, natural)
    }

    /// Notes that a parameter is wrong.
    pub(crate) fn refuse(&mut self, name: &str, why: impl Into<String>) {
        self.errors.push(FieldError::new(name, why));
    }

    /// What was read that filters and sorts: equal lists have equal ones.
    pub(crate) fn signature(&self) -> &str {
        &self.read
    }

    /// Refuses the request if a parameter was wrong; all of them are named.
    pub(crate) fn finish(self) -> ApiResult<()> {
        if self.errors.is_empty() { Ok(()) } else { Err(Error::Validation(self.errors).into()) }
    }
}

/// A whole number in decimal digits.
pub(crate) fn natural(text: &str) -> Result<u64, Invalid> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => Err(Invalid::new("must be a whole number that is not negative")),
    }
}

/// What [`moment`] reads, as the document has it.
pub(crate) struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let text =
            |format| ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
        AnyOfBuilder::new().item(text(KnownFormat::DateTime)).item(text(KnownFormat::Date)).into()
    }
}

impl ToSchema for Moment {}

/// Which end of a day a bare date means.
#[derive(Clone, Copy)]
pub(crate) enum Day {
    Start,
    End,
}

/// A moment as RFC 3339 writes it, or a bare date, which is the start or the end of that day in UTC.
pub(crate) fn moment(text: &str, day: Day) -> Result<Timestamp, Invalid> {
    // A plus sign that nobody encoded arrives as a space.
    let text = text.replace(' ', "+");
    if let Ok(moment) = chrono::DateTime::parse_from_rfc3339(&text) {
        return Ok(moment.with_timezone(&chrono::Utc));
    }
    let bad = || Invalid::new("must be a moment like 2026-11-21T04:31:00Z or a date like 2026-11-21");
    let date = chrono::NaiveDate::parse_from_str(&text, "%Y-%m-%d").map_err(|_| bad())?;
    let time = match day {
        Day::Start => chrono::NaiveTime::MIN,
        Day::End => chrono::NaiveTime::from_hms_milli_opt(23, 59, 59, 999).ok_or_else(bad)?,
    };
    if text.len() == 10 { Ok(date.and_time(time).and_utc()) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_whole_day() {
        let at = |text, day| moment(text, day).unwrap().to_rfc3339();
        assert_eq!(at("2026-11-21", Day::Start), "2026-11-21T00:00:00+00:00");
        assert_eq!(at("2026-11-21", Day::End), "2026-11-21T23:59:59.999+00:00");
        assert_eq!(at("2026-11-21T10:00:00 02:00", Day::Start), "2026-11-21T08:00:00+00:00");
        for bad in ["", "yesterday", "2026-13-01", "2026-1-1", "20261121", "1"] {
            assert!(moment(bad, Day::Start).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let mut params = Params::new("a=x&b=1&b=2&c=-1&d=");
        assert_eq!(params.natural("a"), None);
        assert_eq!(params.natural("b"), Some(2));
        assert_eq!(params.natural("c"), None);
        assert_eq!(params.natural("d"), None);
        let Err(crate::error::ApiError::UseCase(Error::Validation(errors))) = params.finish() else { panic!() };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["a", "b", "c"]);
    }
}
