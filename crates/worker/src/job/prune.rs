//! Forgets jobs that ended long ago.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::job::JobQueue;

use crate::kind::{Attempt, Done, Failure, Kind, KindSettings};

/// How long ended jobs are kept.
const AGE: Duration = Duration::from_hours(7 * 24);

/// How many go at once, so that nobody waits for them.
const AT_ONCE: u32 = 500;

/// Forgets jobs that ended long ago, every minute.
pub struct PruneJobs {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
}

#[async_trait]
impl Kind for PruneJobs {
    const NAME: &'static str = "jobs.prune";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        KindSettings {
            concurrency: 1,
            deadline: Duration::from_mins(5),
            max_attempts: 1,
            schedule: Some("0 * * * * *"),
            ..KindSettings::default()
        }
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        // That it ran is of no interest to anybody.
        while self.queue.prune(AGE, AT_ONCE).await? == AT_ONCE {}
        Ok(Done::Nothing)
    }
}
