//! What a consumer of the log has not handled yet.

use entrepot_domain::{
    Fault,
    event::{Consumed, Event, EventKinds, EventLog, EventPosition, EventQuery},
};

/// What a consumer of the log has not handled yet: everything between its position and the present end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unhandled {
    consumer: &'static str,
    from: EventPosition,
    head: EventPosition,
}

/// The first events of what is unhandled.
#[derive(Debug, PartialEq, Eq)]
pub struct LogPart {
    /// Events of the kinds that were asked for, the oldest first.
    pub events: Vec<Event>,
    /// Moves the consumer behind the part, and behind the events of other kinds in it.
    pub consumed: Consumed,
    /// Whether there is more behind the part.
    pub is_partial: bool,
}

impl Unhandled {
    /// Looks how far a consumer has come. `None` if it has handled all.
    pub async fn of(log: &dyn EventLog, consumer: &'static str) -> Result<Option<Self>, Fault> {
        let from = log.consumed(consumer).await?;
        let head = log.head().await?;
        Ok((from < head).then_some(Self { consumer, from, head }))
    }

    /// Reads at most `limit` events of these kinds. What decides on the kinds is looked up after [`of`](Self::of): then it
    /// is known as it was before each of the events, or later.
    pub async fn read(self, log: &dyn EventLog, kinds: EventKinds, limit: u32) -> Result<LogPart, Fault> {
        let Self { consumer, from, head } = self;
        let mut events = Vec::new();
        if !kinds.is_empty() {
            events = log.read(&EventQuery { after: from, kinds, limit }).await?;
        }
        let is_full = u32::try_from(events.len()).is_ok_and(|count| count >= limit);
        let last = events.last().map(|event| event.id.position);
        let to = last.filter(|last| is_full && *last < head).unwrap_or(head);
        events.retain(|event| event.id.position <= head);
        Ok(LogPart { events, consumed: Consumed { consumer, from, to }, is_partial: to < head })
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{
        Timestamp, UserId,
        event::{EventData, EventId, EventKind, MockEventLog},
    };
    use futures_executor::block_on;
    use uuid::Uuid;

    use super::*;

    fn at(record: i64) -> EventPosition {
        EventPosition { record, index: 0 }
    }

    /// What is read, at most three events, of a log with these records, which ended at `head` a moment ago.
    fn read(records: std::ops::RangeInclusive<i64>, head: EventPosition) -> Option<(Vec<i64>, EventPosition, bool)> {
        let mut log = MockEventLog::new();
        log.expect_consumed().returning(|_| Ok(at(1)));
        log.expect_head().returning(move || Ok(head));
        log.expect_read().returning(move |query| {
            let data = EventData::UserDeleted { user: UserId(Uuid::nil()) };
            let event = |record| Event {
                id: EventId { position: at(record), nonce: 7 },
                at: Timestamp::default(),
                data: data.clone(),
            };
            Ok(records.clone().map(event).filter(|event| event.id.position > query.after).take(3).collect())
        });
        let part = block_on(async {
            let unhandled = Unhandled::of(&log, "reader").await.unwrap()?;
            Some(unhandled.read(&log, EventKinds::ALL, 3).await.unwrap())
        })?;
        assert_eq!((part.consumed.consumer, part.consumed.from), ("reader", at(1)));
        let records = part.events.iter().map(|event| event.id.position.record).collect();
        Some((records, part.consumed.to, part.is_partial))
    }

    #[test]
    fn part_ends_at_the_head_or_behind_its_last_event() {
        let head = EventPosition::after_record;
        assert_eq!(read(1..=9, at(1)), None);
        assert_eq!(read(1..=1, head(5)), Some((vec![], head(5), false)), "events of other kinds");
        assert_eq!(read(1..=3, head(3)), Some((vec![2, 3], head(3), false)));
        assert_eq!(read(1..=9, head(9)), Some((vec![2, 3, 4], at(4), true)));
        assert_eq!(read(1..=4, head(4)), Some((vec![2, 3, 4], at(4), true)));
    }

    /// The kinds may have been chosen before they were written.
    #[test]
    fn events_behind_the_head_are_left_for_the_next_part() {
        let head = EventPosition::after_record;
        assert_eq!(read(1..=3, head(2)), Some((vec![2], head(2), false)));
        assert_eq!(read(1..=9, head(3)), Some((vec![2, 3], head(3), false)));
    }

    #[test]
    fn nothing_is_read_where_no_kind_is_wanted() {
        let mut log = MockEventLog::new();
        log.expect_consumed().returning(|_| Ok(at(1)));
        log.expect_head().returning(|| Ok(at(9)));
        let part = block_on(async {
            let unhandled = Unhandled::of(&log, "reader").await.unwrap().unwrap();
            unhandled.read(&log, std::iter::empty::<EventKind>().collect(), 3).await.unwrap()
        });
        assert_eq!((part.events.len(), part.consumed.to, part.is_partial), (0, at(9), false));
    }
}
