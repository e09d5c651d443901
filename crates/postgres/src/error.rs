//! Conversion of PostgreSQL's errors.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use entrepot_domain::{
    Fault,
    api_key::ApiKeyError,
    auth::{OpenError, RotateError},
    job::JobError,
    order::PlaceError,
    order::TransitionError,
    product::ProductError,
    user::UserError,
    webhook::WebhookError,
};

/// The name of this store for operators.
pub(crate) const POSTGRES: &str = "postgres";

/// The messages of errors after which the transaction may succeed on a retry (40P01, 40001). Diesel passes on the
/// message without the code, so connections request English messages (see `store::connection`).
const RETRYABLE_MESSAGES: [&str; 2] = ["deadlock detected", "could not serialize access"];

/// The messages of temporary failures: the server stops or starts (57P01 to 57P03), has no free connection (53300) or
/// space (53100, 53200), a statement or a lock timed out (57014, 55P03), or it is read-only (25006).
const UNAVAILABLE_MESSAGES: [&str; 13] = [
    "terminating connection",
    "the database system is",
    "sorry, too many clients",
    "remaining connection slots",
    "too many connections",
    "could not extend file",
    "could not write",
    "No space left on device",
    "out of memory",
    "canceling statement due to",
    "canceling autovacuum",
    "cannot execute",
    "server conn crashed",
];

/// Returns whether the server resolved a deadlock (40P01). Messages may be in the language of the server, and Diesel
/// passes on no code; but the detail of this error has the names of the lock modes in every language.
fn is_deadlock(error: &dyn DatabaseErrorInformation) -> bool {
    const LOCK_MODES: [&str; 2] = ["ShareLock", "ExclusiveLock"];
    let waits = |line: &str| LOCK_MODES.iter().any(|mode| line.contains(mode));
    error.details().is_some_and(|detail| detail.lines().count() > 1 && detail.lines().all(waits))
}

/// The source of a fault that a retry may avoid.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Again(#[source] Error);

/// Converts an error that no rule of the domain explains. The caller has excluded those at the statement.
pub(crate) fn fault(error: Error) -> Fault {
    match &error {
        Error::DatabaseError(kind, what) => {
            let says = |words: &[&str]| words.iter().any(|words| what.message().starts_with(words));
            match kind {
                DatabaseErrorKind::SerializationFailure => Fault::unavailable(POSTGRES, Again(error)),
                _ if is_deadlock(&**what) || says(&RETRYABLE_MESSAGES) => Fault::unavailable(POSTGRES, Again(error)),
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::ReadOnlyTransaction => Fault::unavailable(POSTGRES, error),
                _ if says(&UNAVAILABLE_MESSAGES) => Fault::unavailable(POSTGRES, error),
                _ => Fault::unknown(error),
            }
        }
        Error::BrokenTransactionManager => Fault::unavailable(POSTGRES, error),
        _ => Fault::unknown(error),
    }
}

/// Converts an error likewise; but if this unique index refused the row, a concurrent call was faster, and a retry will
/// find its row.
pub(crate) fn fault_or_raced(error: Error, index: &str) -> Fault {
    match &error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, what) if what.constraint_name() == Some(index) => {
            Fault::unavailable(POSTGRES, Again(error))
        }
        _ => fault(error),
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

/// The errors of ports, each of which may contain a fault.
pub(crate) trait Failure: From<Fault> + Send + 'static {
    /// The fault, if there is one.
    fn fault(&self) -> Option<&Fault>;

    /// Whether the error is unknown.
    fn is_unknown(&self) -> bool {
        matches!(self.fault(), Some(Fault::Unknown(_)))
    }

    /// Converts an unknown error on a closed connection: the server has stopped.
    fn of_lost_connection(self) -> Self {
        match self.fault() {
            Some(Fault::Unknown(why)) => Fault::unavailable(POSTGRES, anyhow::anyhow!("{why:#}")).into(),
            _ => self,
        }
    }

    /// Whether a retry may succeed.
    fn is_retryable(&self) -> bool {
        matches!(self.fault(), Some(Fault::Unavailable { source, .. }) if source.is::<Again>())
    }
}

impl Failure for Fault {
    fn fault(&self) -> Option<&Fault> {
        Some(self)
    }
}

macro_rules! failures {
    ($($error:ident),+) => {
        $(impl Failure for $error {
            fn fault(&self) -> Option<&Fault> {
                if let Self::Fault(fault) = self { Some(fault) } else { None }
            }
        })+
    };
}

failures!(
    UserError,
    ApiKeyError,
    OpenError,
    RotateError,
    ProductError,
    PlaceError,
    TransitionError,
    JobError,
    WebhookError
);

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of a server with German messages.
    struct German {
        message: &'static str,
        detail: Option<&'static str>,
    }

    impl DatabaseErrorInformation for German {
        fn message(&self) -> &str {
            self.message
        }

        fn details(&self) -> Option<&str> {
            self.detail
        }

        fn hint(&self) -> Option<&str> {
            None
        }

        fn table_name(&self) -> Option<&str> {
            None
        }

        fn column_name(&self) -> Option<&str> {
            None
        }

        fn constraint_name(&self) -> Option<&str> {
            None
        }

        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    fn of(message: &'static str, detail: Option<&'static str>) -> Fault {
        fault(Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(German { message, detail })))
    }

    #[test]
    fn deadlock_is_retryable_in_every_language() {
        let detail = "Prozess 7 wartet auf ShareLock-Sperre auf Transaktion 750; blockiert von Prozess 9.\n\
            Prozess 9 wartet auf ShareLock-Sperre auf Transaktion 751; blockiert von Prozess 7.";
        assert!(of("Verklemmung (Deadlock) entdeckt", Some(detail)).is_retryable());
        assert!(!of("Syntaxfehler bei »SELEKT«", None).is_retryable());
        assert!(!of("Syntaxfehler bei »ShareLock«", Some("ShareLock")).is_retryable());
    }

    #[test]
    fn unknown_error_on_a_closed_connection_means_a_stopped_server() {
        let stopped = of("Verbindung wird abgebrochen aufgrund von Anweisung des Administrators", None);
        assert!(matches!(stopped, Fault::Unknown(_)));
        assert!(matches!(stopped.of_lost_connection(), Fault::Unavailable { .. }));
    }
}
