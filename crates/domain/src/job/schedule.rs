//! Jobs that come again and again.

use super::{JobKind, NewJob};
use crate::Timestamp;

/// When schedules fire next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedules {
    /// What time it is, as the store says.
    pub now: Timestamp,
    /// Those that are known, each with its pattern and its next moment.
    pub known: Vec<(JobKind, String, Timestamp)>,
}

/// A moment at which a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Which schedule: it bears the name of its kind.
    pub name: JobKind,
    /// When it fires, in the words of whoever understands them. The queue compares them, no more.
    pub pattern: String,
    /// The moment that is meant; `None` if the schedule is not known, or with another pattern.
    pub due: Option<Timestamp>,
    /// The moment after it.
    pub next: Timestamp,
    /// What is queued.
    pub job: NewJob,
}
