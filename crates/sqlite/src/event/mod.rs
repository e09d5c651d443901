//! What business operations write about what happened: the history of orders, and the records of the event log.

mod consume;
mod history;
mod write;

pub(crate) use consume::{begin, consume, find};
pub(crate) use history::{created, of_orders, status_changed, stock_changed};
pub(crate) use write::write;

use diesel::{RunQueryDsl, SqliteConnection, dsl::sql, select, sql_types::BigInt};
use entrepot_domain::{Fault, event::EventPosition};

use crate::error::fault;

/// The position after all records.
pub(crate) fn head(connection: &mut SqliteConnection) -> Result<EventPosition, Fault> {
    let last = sql::<BigInt>("(SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event_log')");
    Ok(EventPosition::after_record(select(last).get_result(connection).map_err(fault)?))
}
