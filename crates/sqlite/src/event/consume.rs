//! How far consumers have handled the log.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, insert_into, update};
use entrepot_domain::{
    Fault, Invalid,
    event::{Consumed, EventPosition},
};

use crate::{error::fault, schema::event_consumers, value::read};

/// The position of a consumer that is known.
pub(crate) fn find(connection: &mut SqliteConnection, consumer: &str) -> Result<Option<EventPosition>, Fault> {
    let row = event_consumers::table.find(consumer).select((event_consumers::record, event_consumers::place));
    let row: Option<(i64, i64)> = row.get_result(connection).optional().map_err(fault)?;
    let position = |(record, place)| {
        let index = u32::try_from(place).map_err(|_| Invalid::new("is out of range"));
        Ok(EventPosition { record, index: read("event_consumers", "place", consumer, index)? })
    };
    row.map(position).transpose()
}

/// The position of a consumer, which begins at `head` if it is new.
pub(crate) fn begin(
    connection: &mut SqliteConnection,
    consumer: &str,
    head: EventPosition,
) -> Result<EventPosition, Fault> {
    if let Some(position) = find(connection, consumer)? {
        return Ok(position);
    }
    insert_into(event_consumers::table)
        .values((
            event_consumers::name.eq(consumer),
            event_consumers::record.eq(head.record),
            event_consumers::place.eq(i64::from(head.index)),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(head)
}

/// Moves a consumer, in the transaction that writes what became of the events. False if it is elsewhere: another process
/// has handled them.
pub(crate) fn consume(connection: &mut SqliteConnection, consumed: &Consumed) -> Result<bool, Fault> {
    let Consumed { consumer, from, to } = consumed;
    let there = event_consumers::table
        .find(consumer)
        .filter(event_consumers::record.eq(from.record))
        .filter(event_consumers::place.eq(i64::from(from.index)));
    let moved = update(there)
        .set((event_consumers::record.eq(to.record), event_consumers::place.eq(i64::from(to.index))))
        .execute(connection)
        .map_err(fault)?;
    Ok(moved == 1)
}
