//! Deletes jobs that ended long ago.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::job::JobQueue;

use crate::{
    kind::{Attempt, Done, Failure, Kind, KindSettings},
    prune,
};

/// The age up to which ended jobs are kept.
const AGE: Duration = Duration::from_hours(7 * 24);

/// Deletes jobs that ended long ago, every minute.
pub struct PruneJobs {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
}

#[async_trait]
impl Kind for PruneJobs {
    const NAME: &'static str = "jobs.prune";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        prune::settings("0 * * * * *")
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        prune::prune(|most| self.queue.prune(AGE, most)).await
    }
}
