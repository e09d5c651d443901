//! Every store port, with Diesel and PostgreSQL, without libpq, for many stateless instances on one database.
//!
//! [`PostgresStore`] implements all of them. See [`store`](PostgresStore) for connections, transactions and failures of
//! the server; each aggregate's SQL is in its module. Orders are placed by `order::place`: several in one statement, in
//! one round trip.

mod account_token;
mod api_key;
mod audit;
mod auth;
mod error;
mod event;
mod event_log;
mod job;
mod keyset;
mod listing;
mod open;
mod options;
mod order;
mod owner;
mod product;
mod schema;
mod second_factor;
mod store;
mod sweep;
mod tls;
mod user;
mod value;
mod webhook;

pub use options::PostgresOptions;
pub use store::{PostgresStore, has_search_index, migrate, pending_migrations};
