//! Ports for time and identifiers.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// A time in UTC. Times in the domain have whole milliseconds, so that a stored, displayed or compared time is the same
/// in every adapter.
pub type Timestamp = DateTime<Utc>;

/// The last second that RFC 3339 can express: the end of the year 9999.
const MAX_TIMESTAMP: Timestamp = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(last) => last,
    None => DateTime::<Utc>::MAX_UTC,
};

/// `at + duration`, or the end of the year 9999 if that is later. The operator `+` panics on overflow.
pub fn saturating_add(at: Timestamp, duration: Duration) -> Timestamp {
    let sum = TimeDelta::from_std(duration).ok().and_then(|duration| at.checked_add_signed(duration));
    sum.map_or(MAX_TIMESTAMP, |sum| sum.min(MAX_TIMESTAMP))
}

/// The clock port.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Returns the present time, truncated to milliseconds. It is wall-clock time, which may go back when the machine's
    /// clock is set.
    fn now(&self) -> Timestamp;
}

/// The port that generates identifiers.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// Returns a new `UUIDv7` (RFC 9562): globally unique, and later ones of one process sort after earlier ones.
    fn next(&self) -> Uuid;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_times_does_not_overflow() {
        let at: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        assert_eq!(saturating_add(at, Duration::from_mins(5)).to_rfc3339(), "2026-11-28T12:05:00+00:00");
        for duration in [Duration::from_hours(24 * 100_000_000), Duration::from_secs(1 << 45), Duration::MAX] {
            assert_eq!(saturating_add(at, duration).to_rfc3339(), "9999-12-31T23:59:59+00:00");
        }
    }
}
