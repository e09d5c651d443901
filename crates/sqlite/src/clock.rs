//! The store's clock, which is that of its machine, in milliseconds.

use std::time::Duration;

use diesel::{RunQueryDsl, SqliteConnection, dsl::sql, select, sql_types::BigInt};
use entrepot_domain::Fault;

use crate::error::fault;

/// What time it is.
pub(crate) fn now(connection: &mut SqliteConnection) -> Result<i64, Fault> {
    select(sql::<BigInt>("CAST(unixepoch('subsec') * 1000 AS INTEGER)")).get_result(connection).map_err(fault)
}

/// Whole milliseconds.
pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).min(MAX_MILLIS)
}

/// A thousand years.
const MAX_MILLIS: i64 = 31_556_952_000_000;

/// The time from one moment to another, none if it is negative.
pub(crate) fn between(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}
