//! What columns hold, and what the domain makes of it.

use entrepot_domain::{Fault, Invalid, user::Roles};

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

/// Roles out of the sum that a column holds.
pub(crate) fn roles(row: impl std::fmt::Display + Copy, sum: i64) -> Result<Roles, Fault> {
    let bits = u8::try_from(sum).map_err(|_| broken_row("users", "roles", row, "is no sum of roles"))?;
    read("users", "roles", row, Roles::from_bits(bits))
}
