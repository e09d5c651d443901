//! The event log and its live feeds.
//!
//! One reader of each process follows the log and keeps the latest events in a ring ([`EventService::advance`]). A feed
//! is a position: it takes what follows it from the ring, or from the log where the ring has lost it or never had it. So
//! nothing is missing or doubled where what was missed joins what is new, and a client that does not read costs nothing.

mod feed;
mod filter;
mod hub;
mod part;
mod service;
mod shared;
mod wake;

pub use feed::{Feed, FeedItem, ResetReason};
pub use filter::FeedFilter;
pub use hub::Ending;
pub use part::{LogPart, Unhandled};
pub use service::{EventPorts, EventService, FeedStart, LogPage, LogQuery};
pub use shared::SharedEvent;
pub use wake::{EventWake, Wakened};
