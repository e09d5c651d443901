//! Every store port on Diesel and the bundled SQLite: the embedded default, one file and nothing to install.
//!
//! [`SqliteStore`] implements them all. One thread writes, and commits what several callers want together, with one
//! flush to the disk for all of them (`synchronous=FULL`: what was answered survives a power cut). A few threads read,
//! from snapshots, and never wait for the writer. See [`store`](SqliteStore) for the queue, and a module for each
//! aggregate for its SQL.
//!
//! # Prepared once
//! Most of the time of an order would go into parsing SQL, if it were parsed each time. Three habits of the hot path:
//! - A look-up by key ends with `get_result`, never with `first`: that adds `LIMIT ?`, whose value SQLite's planner looks
//!   at, and so plans the statement anew for each value that is bound. `get_result` reads one row all the same.
//! - A line that is inserted says `treat_none_as_default_value = false`, so that its type names the statement, not its text.
//! - Diesel never keeps an `update`: one that runs for each line is a query of its own.

mod api_key;
mod audit;
mod auth;
mod error;
mod event;
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

pub use lock::{FileLock, LockError};
pub use store::{SqliteOptions, SqliteStore, pending_migrations};
