//! How far consumers have handled the log.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, insert_into, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Invalid,
    event::{Consumed, EventPosition},
};

use crate::{
    error::fault,
    schema::{event_consumers, event_head},
    value::read,
};

/// The position of a consumer, which begins at the head of the log if it is new.
pub(crate) async fn begin(connection: &mut AsyncPgConnection, consumer: &str) -> Result<EventPosition, Fault> {
    let row = event_consumers::table.find(consumer).select((event_consumers::record, event_consumers::place));
    let found: Option<(i64, i64)> = row.get_result(connection).await.optional().map_err(fault)?;
    let (record, place) = if let Some(found) = found {
        found
    } else {
        let head: i64 = event_head::table.select(event_head::last).get_result(connection).await.map_err(fault)?;
        let begins = EventPosition::after_record(head);
        let begins = (
            event_consumers::name.eq(consumer),
            event_consumers::record.eq(begins.record),
            event_consumers::place.eq(i64::from(begins.index)),
        );
        let insert = insert_into(event_consumers::table).values(begins).on_conflict_do_nothing();
        insert.execute(connection).await.map_err(fault)?;
        // Another process may have been faster.
        row.get_result(connection).await.map_err(fault)?
    };
    let index = u32::try_from(place).map_err(|_| Invalid::new("is out of range"));
    Ok(EventPosition { record, index: read("event_consumers", "place", consumer, index)? })
}

/// Moves a consumer, in the transaction that writes what became of the events. False if it is elsewhere: another process
/// has handled them.
pub(crate) async fn consume(connection: &mut AsyncPgConnection, consumed: &Consumed) -> Result<bool, Fault> {
    let Consumed { consumer, from, to } = *consumed;
    let there = event_consumers::table
        .filter(event_consumers::name.eq(consumer))
        .filter(event_consumers::record.eq(from.record))
        .filter(event_consumers::place.eq(i64::from(from.index)));
    let moved = update(there)
        .set((event_consumers::record.eq(to.record), event_consumers::place.eq(i64::from(to.index))))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(moved == 1)
}
