//! A live feed.

use std::sync::Arc;

use async_lock::Semaphore;
use entrepot_domain::{
    Fault,
    event::{EventLog, EventPosition, EventQuery},
};

use super::{
    filter::Sight,
    hub::{Cursor, Ending, Group, Hub, Look},
    shared::SharedEvent,
};

/// How many events a feed reads from the log at once, if the ring has lost them or never had them.
const REPLAY_PAGE: u32 = 128;

/// Why a feed does not go on after the last event that its client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Events after it are older than the retention, and gone.
    Expired,
    /// This log never gave its identifier.
    Unknown,
}

impl ResetReason {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }
}

/// What comes next in a feed.
#[derive(Debug)]
pub enum FeedItem {
    /// The feed cannot go on where its client was; it begins now.
    Reset(ResetReason),
    /// At least one event. Each comes once, in the order of the log.
    Events(Vec<Arc<SharedEvent>>),
    /// Nothing more comes.
    Ended(Ending),
}

/// A live feed. It holds a position and no events: those are in the ring that all feeds share, or in the log.
pub struct Feed {
    pub(super) hub: Arc<Hub>,
    pub(super) log: Arc<dyn EventLog>,
    /// Bounds how many feeds read the log at once.
    pub(super) replays: Arc<Semaphore>,
    pub(super) group: Arc<Group>,
    pub(super) sight: Sight,
    pub(super) cursor: Cursor,
    pub(super) reset: Option<ResetReason>,
    pub(super) is_replaying: bool,
}

impl Feed {
    /// Waits for what comes next. Nothing is lost if the future is dropped before it is ready, or after an error.
    pub async fn next(&mut self) -> Result<FeedItem, Fault> {
        if let Some(reason) = self.reset.take() {
            return Ok(FeedItem::Reset(reason));
        }
        loop {
            if let Some(item) = self.look().await? {
                return Ok(item);
            }
            // What came between the look and this line is seen by the next look.
            let changed = self.group.listen();
            if let Some(item) = self.look().await? {
                return Ok(item);
            }
            changed.await;
        }
    }

    async fn look(&mut self) -> Result<Option<FeedItem>, Fault> {
        loop {
            let look = self.hub.look(&self.group, &mut self.cursor, &self.sight);
            self.is_replaying = matches!(look, Look::Behind(_));
            let events = match look {
                Look::Events(events) => events,
                Look::Behind(start) => self.replay(start).await?,
                Look::Nothing => return Ok(None),
                Look::Ended(ending) => return Ok(Some(FeedItem::Ended(ending))),
            };
            if !events.is_empty() {
                return Ok(Some(FeedItem::Events(events)));
            }
        }
    }

    /// Reads a part of what is before the ring, which begins at `start`.
    async fn replay(&mut self, start: EventPosition) -> Result<Vec<Arc<SharedEvent>>, Fault> {
        let kinds = self.sight.kinds();
        if kinds.is_empty() {
            self.cursor.position = start;
            return Ok(Vec::new());
        }
        let _turn = self.replays.acquire().await;
        let query = EventQuery { after: self.cursor.position, kinds, limit: REPLAY_PAGE };
        let events = self.log.read(&query).await?;
        let last = events.last().map_or(self.cursor.position, |event| event.id.position);
        let is_whole = u32::try_from(events.len()).is_ok_and(|length| length < REPLAY_PAGE);
        // The ring was read from the log before, so the log has nothing more up to its start.
        self.cursor.position = if is_whole { last.max(start) } else { last };
        let seen = events.into_iter().filter(|event| self.sight.sees(event));
        Ok(seen.map(|event| Arc::new(SharedEvent::new(event))).collect())
    }

    /// Whether the feed has to end, and why, without waiting: for one whose client takes no events at the moment.
    pub fn ending(&self) -> Option<Ending> {
        self.hub.ending(&self.group)
    }

    /// Whether more than `most` bytes have come that the client has not taken, by the size of each event. One that still
    /// takes what it missed while it was away is not behind for that.
    pub fn is_behind(&self, most: usize, size: impl Fn(&SharedEvent) -> usize) -> bool {
        !self.is_replaying && self.hub.behind(&self.cursor, &self.sight, size).is_none_or(|behind| behind > most)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.hub.leave(&self.group);
    }
}
