//! The event log and its live feeds.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_lock::{Mutex, Semaphore};
use entrepot_domain::{
    Fault, Limit, UserId,
    api_key::Scope,
    auth::{Actor, Credential},
    event::{Event, EventId, EventKinds, EventLog, EventPosition, EventQuery, EventSignal, Located},
};
use futures_util::{StreamExt, stream};

use super::{
    feed::{Feed, ResetReason},
    filter::{FeedFilter, Sight},
    hub::{Cursor, Hub},
    wake::{EventWake, Wakened},
};
use crate::{Error, auth::AccessChecker, permission::require_scope};

/// How many events the ring gets from the log at once.
const READ_PAGE: u32 = 512;

/// How many feeds read the log at once, to catch up.
const MAX_REPLAYS: usize = 4;

/// How many credentials are checked at once.
const MAX_CHECKS: usize = 16;

/// The ports that [`EventService`] holds.
pub struct EventPorts {
    pub log: Arc<dyn EventLog>,
    /// Wakes those who follow the log in this process.
    pub wake: EventWake,
    /// Wakes those in other processes, if there is a way to.
    pub signal: Option<Arc<dyn EventSignal>>,
    /// Tells whether a feed may go on.
    pub access: Arc<AccessChecker>,
}

/// Where a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedStart {
    /// With what happens from now on.
    Now,
    /// After the last event that the client has.
    After(EventId),
    /// The client has something that is no identifier of an event.
    Unknown,
}

impl FeedStart {
    /// Reads the last identifier that a client has; an empty one is none.
    pub fn parse(last: &str) -> Self {
        if last.is_empty() { Self::Now } else { last.parse().map_or(Self::Unknown, Self::After) }
    }
}

/// Asks for a part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// Events after this one; from the oldest on without it.
    pub after: Option<EventId>,
    pub kinds: EventKinds,
    pub limit: Limit,
}

/// A part of the log, the oldest event first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    pub events: Vec<Event>,
    /// Whether there are events after these.
    pub more: bool,
}

/// The event log and its live feeds. One reader follows the log for all of them: [`advance`](Self::advance).
pub struct EventService {
    ports: EventPorts,
    hub: Arc<Hub>,
    replays: Arc<Semaphore>,
    /// Held by who reads the log for the ring.
    reading: Mutex<()>,
    round: Mutex<Round>,
    /// How many rounds have begun.
    begun: AtomicU64,
}

/// The last time that the log was numbered for those who want its head.
#[derive(Clone, Copy)]
struct Round {
    number: u64,
    head: EventPosition,
}

impl EventService {
    /// Creates a service over these ports.
    pub fn new(ports: EventPorts) -> Self {
        Self {
            ports,
            hub: Arc::default(),
            replays: Arc::new(Semaphore::new(MAX_REPLAYS)),
            reading: Mutex::new(()),
            round: Mutex::new(Round { number: 0, head: EventPosition::START }),
            begun: AtomicU64::new(0),
        }
    }

    /// A part of the log, for staff; API keys need the scope `events:read`. Everything that was committed before the
    /// call is in it.
    pub async fn page(&self, actor: &Actor, query: &LogQuery) -> Result<LogPage, Error> {
        require_scope(actor, Scope::EventsRead)?;
        if !actor.is_staff() {
            return Err(Error::Forbidden);
        }
        self.fresh_head().await?;
        let after = match query.after {
            Some(id) if self.ports.log.locate(id).await? == Located::Unknown => {
                return Err(Error::field("after", "must be the id of an event of this log"));
            }
            Some(id) => id.position,
            None => EventPosition::START,
        };
        let limit = usize::from(query.limit.get());
        let one_more = u32::from(query.limit.get()) + 1;
        let query = EventQuery { after, kinds: query.kinds, limit: one_more };
        let mut events = self.ports.log.read(&query).await?;
        let more = events.len() > limit;
        events.truncate(limit);
        Ok(LogPage { events, more })
    }

    /// Opens a live feed: for staff of everything, for customers of their own orders. API keys need the scope
    /// `events:read`. What is committed after this call is in the feed.
    pub async fn follow(
        &self,
        actor: &Actor,
        credential: Credential,
        filter: &FeedFilter,
        start: FeedStart,
    ) -> Result<Feed, Error> {
        require_scope(actor, Scope::EventsRead)?;
        let (known, reset) = match start {
            FeedStart::Now => (None, None),
            FeedStart::Unknown => (None, Some(ResetReason::Unknown)),
            FeedStart::After(id) => match self.ports.log.locate(id).await? {
                Located::Kept => (Some(id.position), None),
                Located::Expired => (None, Some(ResetReason::Expired)),
                Located::Unknown => (None, Some(ResetReason::Unknown)),
            },
        };
        let head = self.fresh_head().await?;
        Ok(Feed {
            group: self.hub.join(*actor, credential, head),
            hub: self.hub.clone(),
            log: self.ports.log.clone(),
            replays: self.replays.clone(),
            sight: Sight::new(actor, filter),
            cursor: Cursor::at(known.unwrap_or(head)),
            reset,
            is_replaying: false,
        })
    }

    /// What a credential gives access to at present: see [`AccessChecker::actor`].
    pub async fn actor(&self, user: UserId, credential: Credential) -> Result<Actor, Error> {
        self.ports.access.actor(user, credential).await
    }

    /// The position after everything that was committed before the call. Calls that wait at the same time share the
    /// work.
    async fn fresh_head(&self) -> Result<EventPosition, Fault> {
        let asked = self.begun.load(Ordering::SeqCst);
        let mut round = self.round.lock().await;
        if round.number > asked {
            return Ok(round.head);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let head = match self.ports.log.number().await? {
            Some(mut numbered) => {
                while numbered.is_partial
                    && let Some(more) = self.ports.log.number().await?
                {
                    numbered = more;
                }
                self.ports.wake.wake();
                if let Some(signal) = &self.ports.signal {
                    signal.notify().await;
                }
                numbered.head
            }
            None => self.ports.log.head().await?,
        };
        *round = Round { number, head };
        Ok(head)
    }

    /// Follows the log from now on: [`advance`](Self::advance) has something to do when it returns.
    pub fn subscribe(&self) -> Wakened {
        self.ports.wake.subscribe()
    }

    /// Reads what is new in the log, and hands it to the feeds. Does nothing if there are none.
    pub async fn advance(&self) -> Result<(), Fault> {
        let _turn = self.reading.lock().await;
        while let Some(after) = self.hub.head() {
            let query = EventQuery { after, kinds: EventKinds::ALL, limit: READ_PAGE };
            let events = self.ports.log.read(&query).await?;
            let is_whole = u32::try_from(events.len()).is_ok_and(|length| length < READ_PAGE);
            self.hub.push(events);
            if is_whole {
                break;
            }
        }
        Ok(())
    }

    /// Ends the feeds whose session or key has ended, and those of users whose roles have changed or who were erased. A
    /// store that is away ends none.
    pub async fn check_access(&self) {
        let checks = stream::iter(self.hub.groups());
        checks
            .for_each_concurrent(MAX_CHECKS, async |group| {
                match self.ports.access.actor(group.actor.user, group.credential).await {
                    Ok(actor) if actor == group.actor => {}
                    Ok(_) | Err(Error::InvalidToken | Error::TokenExpired) => group.end(),
                    Err(error) => tracing::debug!(%error, "the access of a feed could not be checked"),
                }
            })
            .await;
    }

    /// Ends the feeds of a user in this process: they have a new password, and whoever follows has to show that they may.
    pub fn end_feeds_of(&self, user: UserId) {
        self.hub.groups().iter().filter(|group| group.actor.is(user)).for_each(|group| group.end());
    }

    /// Ends all feeds, because the process stops.
    pub fn stop(&self) {
        self.hub.stop();
    }
}
