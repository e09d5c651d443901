//! Temporary PostgreSQL and Redis servers on the loopback interface, which end with the test process.

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
