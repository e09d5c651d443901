//! The log, and how instances wake each other.

use std::time::Duration;

use async_trait::async_trait;

use super::{Event, EventId, EventKinds, EventPosition};
use crate::Fault;

/// Asks for a part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventQuery {
    /// Events after this position.
    pub after: EventPosition,
    /// Events of these kinds.
    pub kinds: EventKinds,
    /// At most so many.
    pub limit: u32,
}

/// A part of the log that a consumer has handled. It moves in the transaction that writes what became of the events, so
/// each event is handled once, however many processes try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumed {
    /// The name of the consumer, like `order_mails`.
    pub consumer: &'static str,
    /// The position that it had, as [`EventLog::consumed`] returned it.
    pub from: EventPosition,
    /// The position that it has then.
    pub to: EventPosition,
}

/// Records that were numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// The position after them.
    pub head: EventPosition,
    /// Whether there may be more to number.
    pub is_partial: bool,
}

/// What the log knows of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// The event is there, and everything after it.
    Kept,
    /// The event was there; it, or later ones, are older than the retention and gone.
    Expired,
    /// This log never gave it: it is made up, or of a time that a restored backup does not know.
    Unknown,
}

/// Reads the event log, and numbers what was committed. Other ports write events, in the transactions of their changes.
/// Every method is atomic.
///
/// An event becomes visible when it is numbered, which happens after its commit: a transaction that commits late gets a
/// late number, so a reader that asks for what comes after its last event misses nothing and sees nothing twice.
/// Events of one order or product are in the order in which it was changed.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Lists numbered events, the oldest first.
    async fn read(&self, query: &EventQuery) -> Result<Vec<Event>, Fault>;

    /// The position after all events that are numbered now. What is committed later is after it.
    async fn head(&self) -> Result<EventPosition, Fault>;

    /// Looks up an identifier that a client presents.
    async fn locate(&self, id: EventId) -> Result<Located, Fault>;

    /// Numbers what has been committed and has no number yet, some thousands of records at the most. Returns `None` if
    /// there was nothing, or if another process numbers at this moment. It waits for no transaction, and a process that
    /// stops in the middle of it hinders no other.
    async fn number(&self) -> Result<Option<Numbered>, Fault>;

    /// Returns when this process has written events since the last call returned. Writes of other processes are not
    /// told of.
    async fn written(&self);

    /// The position up to which a consumer has handled the log. One that is not known yet begins at the present head.
    /// Methods of other ports that take a [`Consumed`] move it.
    async fn consumed(&self, consumer: &'static str) -> Result<EventPosition, Fault>;

    /// Deletes records that were numbered longer ago than this, some at a time, and returns how many.
    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault>;
}

/// Wakes those who follow the log in other instances. A hint and nothing more: it may be lost or come twice, and the log
/// is the truth.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventSignal: Send + Sync {
    /// Tells the other instances that events were numbered. Does not wait for them, and does not fail.
    async fn notify(&self);

    /// Returns when another instance has told so since the last call returned.
    async fn notified(&self);
}
