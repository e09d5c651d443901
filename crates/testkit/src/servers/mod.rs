//! Throw-away servers: what a test needs of PostgreSQL and Redis, on the loopback, gone with the test process.

mod admin;
mod cluster;
mod database;
mod postgres;
mod process;
mod redis;
mod sentinel;

pub use cluster::{RedisCluster, redis_cluster_url};
pub use database::Database;
pub use postgres::Postgres;
pub use redis::{Redis, redis_url};
pub use sentinel::{RedisSentinel, redis_sentinel_url};
