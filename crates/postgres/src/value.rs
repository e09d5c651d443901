//! Conversion of column values.

use std::time::Duration;

use entrepot_domain::{Fault, Invalid, user::Roles};

use crate::error::broken_row;

/// Converts a column value; the error names the row and column.
pub(crate) fn read<T>(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    parsed: Result<T, Invalid>,
) -> Result<T, Fault> {
    parsed.map_err(|why| broken_row(table, column, row, why))
}

/// Converts a column value to roles.
pub(crate) fn roles(row: impl std::fmt::Display + Copy, sum: i64) -> Result<Roles, Fault> {
    let bits = u8::try_from(sum).map_err(|_| broken_row("users", "roles", row, "is no sum of roles"))?;
    read("users", "roles", row, Roles::from_bits(bits))
}

/// Whole milliseconds.
pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).min(MAX_MILLIS)
}

/// A thousand years.
const MAX_MILLIS: i64 = 31_556_952_000_000;
