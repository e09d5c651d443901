//! What jobs have in common that delete what is old.

use std::time::Duration;

use entrepot_domain::Fault;

use crate::kind::{Done, Failure, KindSettings};

/// How many are deleted in one transaction, so that nobody waits for it.
const AT_ONCE: u32 = 500;

/// The settings of such a job, which is queued at these moments.
pub(crate) fn settings(schedule: &'static str) -> KindSettings {
    KindSettings {
        concurrency: 1,
        deadline: Duration::from_mins(5),
        max_attempts: 1,
        schedule: Some(schedule),
        ..KindSettings::default()
    }
}

/// Calls `delete` with the most that it may delete until it finds less. No trace of the job is kept.
pub(crate) async fn prune<D: Future<Output = Result<u32, Fault>>>(delete: impl Fn(u32) -> D) -> Result<Done, Failure> {
    while delete(AT_ONCE).await? == AT_ONCE {}
    Ok(Done::Nothing)
}
