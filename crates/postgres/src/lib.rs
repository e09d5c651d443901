//! Every store port on Diesel and PostgreSQL, without libpq: for many stateless instances over one truth.
//!
//! [`PostgresStore`] implements them all. See [`store`](PostgresStore) for connections, transactions and what happens
//! when the server is away, and a module for each aggregate for its SQL. Orders go their own way, in
//! `order::place`: several at once in one statement, in one round trip.

mod api_key;
mod audit;
mod auth;
mod error;
mod event;
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
mod tls;
mod user;
mod value;

pub use options::PostgresOptions;
pub use store::{PostgresStore, has_search_index, migrate, pending_migrations};
