//! Writing records.

use diesel::{Insertable, RunQueryDsl, SqliteConnection, insert_into};
use entrepot_domain::{
    Fault, Timestamp,
    event::{EventData, EventKinds},
};

use crate::{error::fault, schema::event_log};

#[derive(Insertable)]
#[diesel(table_name = event_log)]
struct NewRecord {
    kinds: i64,
    at: i64,
    events: String,
}

/// Writes the events of the transaction that runs now. Call `notify_one` of the store's `written_events` when it is
/// committed.
pub(crate) fn write(connection: &mut SqliteConnection, at: Timestamp, events: &[EventData]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let kinds: EventKinds = events.iter().map(EventData::kind).collect();
    let (kinds, events) = (kinds.bits().into(), entrepot_event_json::to_text(events)?);
    let record = NewRecord { kinds, at: at.timestamp_millis(), events };
    insert_into(event_log::table).values(record).execute(connection).map_err(fault)?;
    Ok(())
}
