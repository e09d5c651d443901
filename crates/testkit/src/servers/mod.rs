//! Throw-away servers: what a test needs of PostgreSQL and Redis, on the loopback, gone with the test process.

mod admin;
mod database;
mod postgres;
mod process;
mod redis;

pub use database::Database;
pub use postgres::Postgres;
pub use redis::{Redis, redis_url};
