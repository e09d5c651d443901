//! What was done to accounts, logins, the catalogue and orders: by whom, from where, and what it changed.
//!
//! An entry is written in the transaction of its change, so there is none of either without the other. A use case makes
//! the [`Cause`] of a change out of its actor and of the [`Origin`] that the edge hands in; the port's method takes it,
//! and whoever keeps the change adds what it found before, with one of the functions of `record` below.
//!
//! # How to add an action
//! 1. Name it in [`AuditAction`], and what it changes in [`AuditField`]: at the end, with a name that is never changed.
//! 2. Write in `record` how the entry is made of what was and what is: `Cause::user_changed` and its like.
//! 3. Let the port's method take `cause: &Cause` in the place of the moment it happens, which is [`Cause::at`].
//! 4. In each adapter, hand the entry to its `audit::write`, in the same transaction.
//! 5. In the use case, take `origin: &Origin` behind all else, and make the cause with the service's `cause`.
//!
//! What is *not* there: orders as their buyers place them, which have a history of their own, and failed logins, which
//! anybody could fill a store with. Those are counted and logged.

mod action;
mod cause;
mod entry;
mod port;
mod record;

pub use action::{AuditAction, AuditField};
pub use cause::{Cause, Origin, Who};
pub use entry::{AuditEntry, AuditSubject, Change};
#[cfg(feature = "mock")]
pub use port::MockAuditLog;
pub use port::{AuditFilter, AuditLog, AuditQuery, AuditSort};
