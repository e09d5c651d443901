//! Moments as the contract writes them.

use chrono::{Datelike, Timelike};
use entrepot_domain::Timestamp;
use serde::{Serialize, Serializer};

/// A moment as `2026-11-21T04:31:00.123Z`: RFC 3339, UTC, always three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) Timestamp);

impl Serialize for Stamp {
    /// By hand: a list has forty of them, and chrono parses its format each time.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = self.0;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let year = u32::try_from(at.year()).unwrap_or_default();
        let parts = [
            (0, 4, year),
            (5, 2, at.month()),
            (8, 2, at.day()),
            (11, 2, at.hour()),
            (14, 2, at.minute()),
            (17, 2, at.second()),
            (20, 3, at.timestamp_subsec_millis()),
        ];
        for (start, digits, value) in parts {
            write_digits(text.get_mut(start..start + digits).unwrap_or_default(), value);
        }
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Writes a number in decimal, with zeroes before it.
fn write_digits(place: &mut [u8], mut value: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_decimals_and_a_z() {
        let stamp = |millis| serde_json::to_string(&Stamp(Timestamp::from_timestamp_millis(millis).unwrap())).unwrap();
        assert_eq!(stamp(0), r#""1970-01-01T00:00:00.000Z""#);
        assert_eq!(stamp(1_700_000_000_120), r#""2023-11-14T22:13:20.120Z""#);
        assert_eq!(stamp(253_402_300_799_999), r#""9999-12-31T23:59:59.999Z""#);
    }
}
