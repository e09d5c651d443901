//! The audit log: changes of accounts, sessions, the catalogue and orders, by whom, from where, and with which values.
//!
//! An entry is written in the transaction of its change, so that there is never one without the other. The use case
//! creates the [`Cause`] of a change from its actor and the [`Origin`] that the edge passes in. The port's method takes
//! it, and the store creates the entry from the state before and after the change, with the methods of [`Cause`] in the
//! file `audit.rs` of each aggregate.
//!
//! # How to add an action
//! 1. Add a variant to [`AuditAction`], and its fields to [`AuditField`]: at the end, with a name that never changes.
//! 2. Write a method in `audit.rs` of the aggregate that creates the entry from the state before and after the change,
//!    like `Cause::user_changed`.
//! 3. Let the port's method take `cause: &Cause` instead of a time, which is [`Cause::at`].
//! 4. In each adapter, pass the entry to `audit::write`, in the same transaction.
//! 5. In the use case, take `origin: &Origin` as the last argument, and create the cause with the service's `cause`.
//!
//! Not audited are the placing of orders, which have events of their own, and failed logins, with which anybody could
//! fill the store. Those are counted and logged.

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
