//! Schedules of recurring jobs.

use super::{JobKind, NewJob};
use crate::Timestamp;

/// The next times of schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules {
    /// The current time of the store.
    pub now: Timestamp,
    /// The stored schedules, each with its pattern and its next time.
    pub known: Vec<(JobKind, String, Timestamp)>,
}

/// A time at which a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The name of the schedule, which is that of its kind.
    pub name: JobKind,
    /// The pattern of the schedule. The queue only compares it.
    pub pattern: String,
    /// The time of the tick; `None` if the schedule is not stored, or is stored with another pattern.
    pub due: Option<Timestamp>,
    /// The time of the tick after it.
    pub next: Timestamp,
    /// The job to queue.
    pub job: NewJob,
}
