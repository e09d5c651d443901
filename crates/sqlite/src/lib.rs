//! Every store port, with Diesel and the bundled SQLite: the embedded default, one file without an installation.
//!
//! [`SqliteStore`] implements all of them. One thread writes, and commits the changes of several callers together, with
//! a single flush to the disk (`synchronous=FULL`: a confirmed change survives a power cut). A few threads read from
//! snapshots, and never wait for the writer. See [`store`](SqliteStore) for the queue; each aggregate's SQL is in its
//! module.
//!
//! # Prepared once
//! Parsing SQL each time would take most of the time of an order. Three rules for the hot path:
//! - A look-up by key ends with `get_result`, never with `first`, which adds `LIMIT ?`: SQLite's planner uses the bound
//!   value, and so plans the statement again for each value. `get_result` reads one row as well.
//! - An inserted line has `treat_none_as_default_value = false`, so that its type identifies the statement, and not its
//!   text.
//! - Diesel does not cache `update` statements: one that runs per line is a custom query.

mod account_token;
mod api_key;
mod audit;
mod auth;
mod clock;
mod error;
mod event;
mod event_log;
mod job;
mod keyset;
mod listing;
mod lock;
mod order;
mod owner;
mod product;
mod schema;
mod second_factor;
mod store;
mod user;
mod value;
mod webhook;

pub use lock::{FileLock, LockError};
pub use store::{SqliteOptions, SqliteStore, pending_migrations};
