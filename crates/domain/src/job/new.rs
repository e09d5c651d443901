//! New jobs.

use std::time::Duration;

use super::{JobKind, Payload, Priority, TraceParent, UniqueKey};
use crate::JobId;

/// A job to be queued.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// A `UUIDv7`.
    pub id: JobId,
    pub kind: JobKind,
    pub payload: Payload,
    pub priority: Priority,
    /// The delay before it may start.
    pub delay: Duration,
    /// At least 1.
    pub max_attempts: u32,
    /// Prevents a second job with the same key while this one waits or runs.
    pub unique: Option<UniqueKey>,
    /// The trace of the request that queued it.
    pub trace: Option<TraceParent>,
}
