//! Time and identity, which the domain must ask for.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A moment, in UTC. Everything the domain keeps has whole milliseconds, so that what is stored, shown and compared is
/// the same value in every adapter.
pub type Timestamp = DateTime<Utc>;

/// Tells the time.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, cut to whole milliseconds. Wall-clock time: it may step back when the machine's clock is set.
    fn now(&self) -> Timestamp;
}

/// Makes identifiers.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// A new `UUIDv7` (RFC 9562): unique everywhere, and later ones of one process sort after earlier ones.
    fn next(&self) -> Uuid;
}
