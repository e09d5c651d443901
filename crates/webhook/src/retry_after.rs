//! The header `Retry-After`.

use std::time::Duration;

use chrono::DateTime;
use entrepot_domain::Timestamp;

/// How long a receiver wants to be left alone: seconds, or a date (RFC 9110 10.2.3).
pub(crate) fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_seconds_or_a_date() {
        let now = Timestamp::from_timestamp(1_445_412_450, 0).unwrap();
        assert_eq!(parse("120", now), Some(Duration::from_mins(2)));
        assert_eq!(parse(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(parse("99999999999999999999999", now), Some(Duration::from_secs(u64::from(u32::MAX))));
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(parse("Wed, 21 Oct 2015 07:00:00 GMT", now), Some(Duration::ZERO));
        for bad in ["", "-1", "soon", "1.5"] {
            assert_eq!(parse(bad, now), None, "{bad}");
        }
    }
}
