//! Monitors whether the server is available.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    pool::Pool,
    transaction::{Begin, Executor, ping},
};
use crate::error::POSTGRES;

/// The interval of health checks.
const PING_INTERVAL: Duration = Duration::from_millis(500);

/// Why the server is unavailable; `None` while it is available.
pub(crate) type ServerStatus = watch::Receiver<Option<Arc<str>>>;

/// Checks the server twice a second, over its own connection.
///
/// A frozen or disconnected server refuses nothing, so that callers would wait for ever. So they also watch the status:
/// when the server becomes unavailable, waiting calls fail at once, and new ones fail without waiting, until it is
/// back.
pub(crate) struct HealthMonitor {
    pub(crate) own: Executor,
    /// Pools whose idle connections are closed.
    pub(crate) watched: Vec<Pool>,
    pub(crate) limit: Duration,
    pub(crate) idle: Duration,
    pub(crate) status: watch::Sender<Option<Arc<str>>>,
    pub(crate) unseen: Arc<Notify>,
}

impl HealthMonitor {
    /// Runs until all receivers are dropped.
    pub(crate) async fn run(self) {
        let mut ticks = interval(PING_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        while !self.status.is_closed() {
            ticks.tick().await;
            let answer = match timeout(self.limit, self.own.once(Begin::Plain, &(), ping)).await {
                Ok(Ok(writes)) => {
                    self.check_foreign_writes(&mut known, writes);
                    None
                }
                Ok(Err(fault)) => Some(Arc::from(format!("{:#}", anyhow::Error::new(fault)))),
                Err(_) => Some(Arc::from(format!("no answer in {:?}", self.limit))),
            };
            self.update(answer);
            for pool in &self.watched {
                pool.retain(|_, metrics| metrics.last_used() < self.idle);
            }
        }
    }

    /// Writes that were reported before the first check are ignored.
    fn check_foreign_writes(&self, known: &mut Option<i64>, writes: i64) {
        let new = known.replace(writes).is_some_and(|known| known != writes);
        if new {
            self.unseen.notify_one();
        }
    }

    fn update(&self, answer: Option<Arc<str>>) {
        let was_available = self.status.borrow().is_none();
        match (&answer, was_available) {
            (Some(why), true) => tracing::error!(dependency = POSTGRES, %why, "the server is unavailable"),
            (None, false) => {
                tracing::info!(dependency = POSTGRES, "the server is available again");
                // Commits may have succeeded whose results were lost with their connections.
                self.unseen.notify_one();
            }
            _ => return,
        }
        self.status.send_replace(answer);
    }
}
