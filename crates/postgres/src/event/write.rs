//! Writing records.

use diesel::{Insertable, insert_into};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Timestamp,
    event::{EventData, EventKinds},
};

use crate::{error::fault, schema::event_log};

#[derive(Insertable)]
#[diesel(table_name = event_log)]
struct NewRecord {
    kinds: i64,
    at: Timestamp,
    events: String,
}

/// Writes the events of the transaction that runs now, after it has locked what they are about. Call `notify_one` of the
/// store's `written_events` when it is committed.
pub(crate) async fn write(
    connection: &mut AsyncPgConnection,
    at: Timestamp,
    events: &[EventData],
) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let kinds: EventKinds = events.iter().map(EventData::kind).collect();
    let record = NewRecord { kinds: kinds.bits().into(), at, events: entrepot_event_json::to_text(events)? };
    insert_into(event_log::table).values(record).execute(connection).await.map_err(fault)?;
    Ok(())
}
