//! Whether the server is there.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    pool::Pool,
    transaction::{Begin, Desk, beat},
};
use crate::error::POSTGRES;

/// How often the server is asked.
const BEAT: Duration = Duration::from_millis(500);

/// Why the server is taken to be away; `None` while it is there.
pub(crate) type Pulse = watch::Receiver<Option<Arc<str>>>;

/// Asks the server for a sign of life, twice a second, over a connection of its own.
///
/// A server that is frozen, or behind a cable that was pulled, refuses nothing: whoever waits for it waits for good.
/// So everybody watches the pulse too. When it stops, those who wait are told at once, and those who come are told
/// without waiting, until it is back.
pub(crate) struct Monitor {
    pub(crate) own: Desk,
    /// Whose idle connections are let go.
    pub(crate) watched: Vec<Pool>,
    pub(crate) patience: Duration,
    pub(crate) idle: Duration,
    pub(crate) tell: watch::Sender<Option<Arc<str>>>,
    pub(crate) unseen: Arc<Notify>,
}

impl Monitor {
    /// Runs until nobody holds the pulse any more.
    pub(crate) async fn run(self) {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        while !self.tell.is_closed() {
            beats.tick().await;
            let answer = match timeout(self.patience, self.own.once(Begin::Plain, &(), beat)).await {
                Ok(Ok(told)) => {
                    self.notice(&mut known, told);
                    None
                }
                Ok(Err(fault)) => Some(Arc::from(format!("{:#}", anyhow::Error::new(fault)))),
                Err(_) => Some(Arc::from(format!("no answer in {:?}", self.patience))),
            };
            self.note(answer);
            for pool in &self.watched {
                pool.retain(|_, metrics| metrics.last_used() < self.idle);
            }
        }
    }

    /// What was told before the first look was told to others.
    fn notice(&self, known: &mut Option<i64>, told: i64) {
        let new = known.replace(told).is_some_and(|known| known != told);
        if new {
            self.unseen.notify_one();
        }
    }

    fn note(&self, answer: Option<Arc<str>>) {
        let was_there = self.tell.borrow().is_none();
        match (&answer, was_there) {
            (Some(why), true) => tracing::error!(dependency = POSTGRES, %why, "the server is away"),
            (None, false) => {
                tracing::info!(dependency = POSTGRES, "the server is back");
                // Commits may have gone through whose answers were lost with their connections.
                self.unseen.notify_one();
            }
            _ => return,
        }
        self.tell.send_replace(answer);
    }
}
