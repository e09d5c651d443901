//! Reading the log, and keeping it short.

use std::time::Duration;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, delete,
    dsl::{min, sql},
    sql_types::{BigInt, Bool},
};
use entrepot_domain::{
    Fault, Invalid,
    event::{Event, EventId, EventKinds, EventPosition, EventQuery, Located},
};

use crate::{
    clock::{millis, now},
    error::fault,
    event::head,
    schema::event_log,
    value::{moment, read as value},
};

const TABLE: &str = "event_log";

/// How many records are read at once: a record of many orders may have thousands of events.
const RECORDS: i64 = 64;

/// A record: its number, its nonce, when it happened, and its events.
type Record = (i64, i64, i64, String);

pub(super) fn read(connection: &mut SqliteConnection, query: &EventQuery) -> Result<Vec<Event>, Fault> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let (mut events, mut from) = (Vec::new(), query.after.record);
    loop {
        let mut rows = event_log::table.filter(event_log::number.ge(from)).into_boxed();
        if query.kinds != EventKinds::ALL {
            let kinds = i64::from(query.kinds.bits());
            rows = rows.filter(sql::<Bool>("kinds & ").bind::<BigInt, _>(kinds).sql(" <> 0"));
        }
        let rows = rows.order(event_log::number).limit(RECORDS);
        let columns = (event_log::number, event_log::nonce, event_log::at, event_log::events);
        let records: Vec<Record> = rows.select(columns).load(connection).map_err(fault)?;
        let last = records.last().map(|(number, ..)| *number);
        let is_end = i64::try_from(records.len()).is_ok_and(|records| records < RECORDS);
        for record in records {
            let asked = |event: &Event| event.id.position > query.after && query.kinds.contains(event.data.kind());
            events.extend(expand(record)?.into_iter().filter(asked));
            if events.len() >= limit {
                events.truncate(limit);
                return Ok(events);
            }
        }
        match last {
            Some(last) if !is_end => from = last.saturating_add(1),
            _ => return Ok(events),
        }
    }
}

/// The events of a record.
fn expand((record, nonce, at, text): Record) -> Result<Vec<Event>, Fault> {
    let at = moment(TABLE, "at", record, at)?;
    let nonce = value(TABLE, "nonce", record, u32::try_from(nonce).map_err(|_| Invalid::new("is out of range")))?;
    let events = value(TABLE, "events", record, entrepot_event_json::from_text(&text))?;
    let event = |(index, data)| Event { id: EventId { position: EventPosition { record, index }, nonce }, at, data };
    Ok((0..).zip(events).map(event).collect())
}

pub(super) fn locate(connection: &mut SqliteConnection, id: EventId) -> Result<Located, Fault> {
    let number = id.position.record;
    let row = event_log::table.find(number).select((event_log::nonce, event_log::events));
    if let Some((nonce, text)) = row.get_result::<(i64, String)>(connection).optional().map_err(fault)? {
        let events = value(TABLE, "events", number, entrepot_event_json::from_text(&text))?;
        let is_there = nonce == i64::from(id.nonce) && u32::try_from(events.len()).is_ok_and(|n| id.position.index < n);
        return Ok(if is_there { Located::Kept } else { Located::Unknown });
    }
    let first: Option<i64> = event_log::table.select(min(event_log::number)).get_result(connection).map_err(fault)?;
    let first = match first {
        Some(first) => first,
        None => head(connection)?.record.saturating_add(1),
    };
    Ok(if number > 0 && number < first { Located::Expired } else { Located::Unknown })
}

/// Whether the oldest record is older than this.
pub(super) fn is_any_old(connection: &mut SqliteConnection, age: Duration) -> Result<bool, Fault> {
    let before = now(connection)?.saturating_sub(millis(age));
    let oldest = event_log::table.order(event_log::number).select(event_log::written_at);
    let oldest: Option<i64> = oldest.first(connection).optional().map_err(fault)?;
    Ok(oldest.is_some_and(|oldest| oldest < before))
}

/// Deletes old ones among the first records. Records are in the order of their age but where a clock was set.
pub(super) fn prune(connection: &mut SqliteConnection, age: Duration, most: u32) -> Result<u32, Fault> {
    let before = now(connection)?.saturating_sub(millis(age));
    let first = event_log::table.order(event_log::number).limit(most.into()).select(event_log::number);
    let first: Vec<i64> = first.load(connection).map_err(fault)?;
    let Some((&from, &to)) = first.first().zip(first.last()) else { return Ok(0) };
    let old = event_log::number.between(from, to).and(event_log::written_at.lt(before));
    let gone = delete(event_log::table.filter(old)).execute(connection).map_err(fault)?;
    Ok(u32::try_from(gone).unwrap_or(u32::MAX))
}
