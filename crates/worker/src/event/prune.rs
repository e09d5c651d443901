//! Deletes events that are older than the retention.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::event::EventLog;

use crate::{
    kind::{Attempt, Done, Failure, Kind, KindSettings},
    prune,
};

/// Deletes events that are older than the retention, every minute.
pub struct PruneEvents {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// `EVENT_RETENTION`.
    pub retention: Duration,
}

#[async_trait]
impl Kind for PruneEvents {
    const NAME: &'static str = "events.prune";
    type Payload = ();

    fn settings(&self) -> KindSettings {
        // A retention of seconds, as in a test, is kept to the second too.
        let schedule = if self.retention < Duration::from_mins(10) { "*/2 * * * * *" } else { "30 * * * * *" };
        prune::settings(schedule)
    }

    async fn run(&self, (): (), _: Attempt) -> Result<Done, Failure> {
        prune::prune(|most| self.log.prune(self.retention, most)).await
    }
}
