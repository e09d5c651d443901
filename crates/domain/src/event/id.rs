//! Where an event stands in the log.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// A place in the log: between events, or that of an event. Later events have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventPosition {
    /// The number of the record: all events of one transaction. Records are numbered from 1 on, when they are committed.
    pub record: i64,
    /// The place of the event in its record, from 0 on.
    pub index: u32,
}

impl EventPosition {
    /// Before all events.
    pub const START: Self = Self { record: 0, index: Self::MAX_INDEX };

    /// The greatest index of an event, which has five hexadecimal digits.
    pub const MAX_INDEX: u32 = 0xf_ffff;

    /// After all events of a record.
    pub const fn after_record(record: i64) -> Self {
        Self { record, index: Self::MAX_INDEX }
    }
}

/// Identifies an event. As text, later events sort after earlier ones.
///
/// The number of a record is given again after a backup was restored. So an identifier has a random part of its record,
/// by which the log knows those that it never gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    pub position: EventPosition,
    /// Drawn at random for each record.
    pub nonce: u32,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventPosition { record, index } = self.position;
        write!(f, "{record:016x}{index:05x}-{:08x}", self.nonce)
    }
}

impl FromStr for EventId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let read = || {
            let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
            let (position, nonce) = text.split_once('-')?;
            let (record, index) = position.split_at_checked(16)?;
            if [record.len(), index.len(), nonce.len()] != [16, 5, 8] || ![record, index, nonce].into_iter().all(digits)
            {
                return None;
            }
            let position = EventPosition {
                record: i64::from_str_radix(record, 16).ok()?,
                index: u32::from_str_radix(index, 16).ok()?,
            };
            Some(Self { position, nonce: u32::from_str_radix(nonce, 16).ok()? })
        };
        read().ok_or_else(|| Invalid::new("must be the id of an event"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(record: i64, index: u32, nonce: u32) -> EventId {
        EventId { position: EventPosition { record, index }, nonce }
    }

    #[test]
    fn later_events_sort_after_earlier_ones_as_text() {
        let ids = [
            id(1, 0, 0xffff_ffff),
            id(1, 1, 0),
            id(1, 16, 7),
            id(1, EventPosition::MAX_INDEX, 3),
            id(15, 0, 2),
            id(16, 0, 1),
            id(i64::MAX, 0, 0),
        ];
        let texts = ids.map(|id| id.to_string());
        assert!(texts.is_sorted() && ids.is_sorted());
        for (id, text) in ids.iter().zip(&texts) {
            assert_eq!(text.parse(), Ok(*id));
        }
        assert_eq!(texts[1], "000000000000000100001-00000000");
    }

    #[test]
    fn other_texts_are_no_identifiers() {
        let good = id(1, 2, 3).to_string();
        let cut = &good[1..];
        let long = format!("{good}0");
        let upper = "00000000000000010000A-00000000";
        for bad in ["", "1", "-", cut, &long, upper, "ffffffffffffffff00000-00000000", "+00000000000000100001-00000000"]
        {
            assert!(bad.parse::<EventId>().is_err(), "{bad}");
        }
    }
}
