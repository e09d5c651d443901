//! What was done to accounts, logins, the catalogue and orders: by whom, from where, and what it changed.
//!
//! An entry is written in the transaction of its change, so there is none of either without the other. A use case makes
//! the [`Cause`] of a change out of its actor and of the [`Origin`] that the edge hands in; the port's method takes it,
//! and the store makes the entry from the state before and after the change. How, is told in the file `audit.rs` of each
//! aggregate, as methods of [`Cause`].
//!
//! # How to add an action
//! 1. Name it in [`AuditAction`], and what it changes in [`AuditField`]: at the end, with a name that is never changed.
//! 2. Write in `audit.rs` of the aggregate how the entry is made of the state before and after: `Cause::user_changed` and
//!    its like.
//! 3. Let the port's method take `cause: &Cause` in the place of the moment it happens, which is [`Cause::at`].
//! 4. In each adapter, hand the entry to its `audit::write`, in the same transaction.
//! 5. In the use case, take `origin: &Origin` behind all else, and make the cause with the service's `cause`.
//!
//! What is *not* there: orders as their buyers place them, which have a history of their own, and failed logins, which
//! anybody could fill a store with. Those are counted and logged.

mod action;
mod cause;
mod entry;
mod origin;
mod port;

pub use action::{AuditAction, AuditField};
pub use cause::Cause;
pub(crate) use entry::ended_sessions;
pub use entry::{AuditEntry, AuditSubject, Change, RecordedOrigin};
pub use origin::{Origin, Who};
#[cfg(feature = "mock")]
pub use port::MockAuditLog;
pub use port::{AuditFilter, AuditLog, AuditQuery, AuditSort};
