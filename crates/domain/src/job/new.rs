//! Jobs to be queued.

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
    /// How long it waits before it may be begun.
    pub delay: Duration,
    /// At least 1.
    pub max_attempts: u32,
    /// What keeps it from being queued twice.
    pub unique: Option<UniqueKey>,
    /// The trace of the request that it follows from.
    pub trace: Option<TraceParent>,
}
