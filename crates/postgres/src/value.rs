//! What columns hold, and what the domain makes of it.

use entrepot_domain::{Fault, Invalid};

use crate::error::broken_row;

/// A column as the domain reads it, or which one of which row is broken.
pub(crate) fn read<T>(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    parsed: Result<T, Invalid>,
) -> Result<T, Fault> {
    parsed.map_err(|why| broken_row(table, column, row, why))
}
