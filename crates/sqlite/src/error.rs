//! What SQLite's errors mean.

use diesel::result::{DatabaseErrorKind, Error};
use entrepot_domain::Fault;

/// The name under which an operator knows this store.
pub(crate) const SQLITE: &str = "sqlite";

/// What SQLite says when it cannot do a thing now (`sqlite3_errstr`): the file is locked, the disk is full or broken,
/// or gone. Diesel hands on the words alone.
const UNAVAILABLE_MESSAGES: [&str; 7] = [
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    "locking protocol",
];

/// An error that no rule of the domain explains. The caller has ruled those out, at that very statement.
pub(crate) fn fault(error: Error) -> Fault {
    if is_unavailable(&error) { Fault::unavailable(SQLITE, error) } else { Fault::unknown(error) }
}

/// Whether it may go better later.
pub(crate) fn is_unavailable(error: &Error) -> bool {
    match error {
        Error::DatabaseError(_, what) => UNAVAILABLE_MESSAGES.iter().any(|words| what.message().starts_with(words)),
        _ => false,
    }
}

/// Whether a unique index refused the row.
pub(crate) const fn is_duplicate(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}

/// A row whose content breaks a rule of the domain: somebody else wrote it.
pub(crate) fn broken_row(
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
    why: impl std::fmt::Display,
) -> Fault {
    Fault::unknown(anyhow::anyhow!("{table}.{column} of row {row} {why}"))
}
