//! Generates identifiers.

use std::time::SystemTime;

use entrepot_domain::IdGenerator;
use uuid::Uuid;

/// Generates `UUIDv7`s from the system clock and random bits. The counter inside (RFC 9562 6.2) makes those of one
/// millisecond ascend too.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidV7;

impl IdGenerator for UuidV7 {
    #[expect(clippy::disallowed_methods, reason = "this is the adapter of the port")]
    fn next(&self) -> Uuid {
        if SystemTime::now() < SystemTime::UNIX_EPOCH {
            // `now_v7` panics before 1970.
            return Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 0, 0));
        }
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_identifiers_sort_after_earlier_ones() {
        let ids: Vec<Uuid> = (0..10_000).map(|_| UuidV7.next()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids[0].get_version_num(), 7);
    }
}
