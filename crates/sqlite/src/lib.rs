//! Every store port on Diesel and the bundled SQLite: the embedded default, one file and nothing to install.
//!
//! [`SqliteStore`] implements them all. One thread writes, and commits what several callers want together, with one
//! flush to the disk for all of them (`synchronous=FULL`: what was answered survives a power cut). A few threads read,
//! from snapshots, and never wait for the writer. See [`store`](SqliteStore) for the queue, and a module for each
//! aggregate for its SQL.

mod auth;
mod error;
mod keyset;
mod listing;
mod order;
mod product;
mod schema;
mod store;
mod user;
mod value;

pub use store::{SqliteOptions, SqliteStore, pending_migrations};
