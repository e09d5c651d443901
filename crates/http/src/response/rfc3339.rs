//! Times in responses.

use chrono::{Datelike, Timelike};
use entrepot_domain::Timestamp;
use serde::{Serialize, Serializer};

/// A time as `2026-11-21T04:31:00.123Z`: RFC 3339, UTC, always three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rfc3339(pub(crate) Timestamp);

impl Serialize for Rfc3339 {
    // Not by chrono, which parses its format each time: a list has forty of these.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (date, time) = (self.0.date_naive(), self.0.time());
        let year = u32::try_from(date.year()).unwrap_or_default();
        let millis = self.0.timestamp_subsec_millis();
        let [y1, y2] = two(year / 100);
        let [y3, y4] = two(year);
        let [o1, o2] = two(date.month());
        let [d1, d2] = two(date.day());
        let [h1, h2] = two(time.hour());
        let [m1, m2] = two(time.minute());
        let [s1, s2] = two(time.second());
        let [f1, f2] = two(millis / 10);
        let [_, f3] = two(millis);
        let text = [
            y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2, b'T', h1, h2, b':', m1, m2, b':', s1, s2, b'.', f1, f2, f3,
            b'Z',
        ];
        serializer.serialize_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// The last two digits of a number.
fn two(number: u32) -> [u8; 2] {
    [number / 10, number].map(|number| b'0' + u8::try_from(number % 10).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_decimals_and_a_z() {
        let text = |millis| serde_json::to_string(&Rfc3339(Timestamp::from_timestamp_millis(millis).unwrap())).unwrap();
        assert_eq!(text(0), r#""1970-01-01T00:00:00.000Z""#);
        assert_eq!(text(1_700_000_000_120), r#""2023-11-14T22:13:20.120Z""#);
        assert_eq!(text(253_402_300_799_999), r#""9999-12-31T23:59:59.999Z""#);
    }
}
