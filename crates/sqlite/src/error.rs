//! Conversion of SQLite's errors.

use diesel::result::{DatabaseErrorKind, Error};
use entrepot_domain::Fault;

/// The name of this store for operators.
pub(crate) const SQLITE: &str = "sqlite";

/// The messages of SQLite for temporary failures (`sqlite3_errstr`): the file is locked, the disk is full or broken, or
/// missing. Diesel passes on the message without the code.
const UNAVAILABLE_MESSAGES: [&str; 7] = [
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    "locking protocol",
];

/// Converts an error that no rule of the domain explains. The caller has excluded those at the statement.
pub(crate) fn fault(error: Error) -> Fault {
    if is_unavailable(&error) { Fault::unavailable(SQLITE, error) } else { Fault::unknown(error) }
}

/// Returns whether the failure may be temporary.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    match error {
        Error::DatabaseError(_, what) => UNAVAILABLE_MESSAGES.iter().any(|words| what.message().starts_with(words)),
        _ => false,
    }
}

/// Returns whether a unique index refused the row.
pub(crate) const fn is_duplicate(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}

/// A row that breaks a rule of the domain: another program wrote it.
pub(crate) fn broken_row(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    why: impl std::fmt::Display,
) -> Fault {
    Fault::unknown(anyhow::anyhow!("{table}.{column} of row {row} {why}"))
}
