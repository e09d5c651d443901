//! Jobs.

use std::time::Duration;

use entrepot_domain::{
    JobId,
    job::{JobKind, NewJob, Payload, Priority, UniqueKey},
};

use crate::id;

/// The identifier of the job with that number.
pub fn job_id(n: u128) -> JobId {
    JobId(id(n))
}

/// A kind of that name.
pub fn job_kind(name: &str) -> JobKind {
    JobKind::parse(name).unwrap()
}

/// A job that is due at once and may be begun three times.
pub fn job(n: u128, kind: &str) -> NewJob {
    NewJob {
        id: job_id(n),
        kind: job_kind(kind),
        payload: Payload { version: 1, text: format!("{{\"number\":{n}}}") },
        priority: Priority::default(),
        delay: Duration::ZERO,
        max_attempts: 3,
        unique: None,
        trace: None,
    }
}

/// The job with a unique key.
#[must_use]
pub fn unique_job(n: u128, kind: &str, key: &str) -> NewJob {
    NewJob { unique: Some(UniqueKey::parse(key).unwrap()), ..job(n, kind) }
}
