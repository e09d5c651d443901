//! Builders of test data.
//!
//! All data is derived from small numbers or names, so that a test is readable, and a failure shows what it is about:
//!
//! With the feature `servers` also temporary PostgreSQL and Redis servers.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may panic")]

mod audit;
mod job;
mod order;
mod product;
#[cfg(feature = "servers")]
mod servers;
mod user;
mod webhook;

use chrono::DateTime;
use entrepot_domain::{Currency, Money, Timestamp};
use uuid::Uuid;

pub use audit::{by, cause, origin};
pub use job::{job, job_id, job_kind, unique_job};
pub use order::{at_key, basket, draft, order_id, placement, transition};
pub use product::{ProductBuilder, product, product_id, product_import, stock_change};
#[cfg(feature = "servers")]
pub use servers::{
    Database, Postgres, Redis, RedisCluster, RedisSentinel, redis_cluster_url, redis_sentinel_url, redis_url,
};
pub use user::{email, new_user, password, session, session_id, user, user_id};
pub use webhook::{webhook, webhook_id, webhook_url};

/// The start of 2026, the time zero of tests.
const START_OF_2026: i64 = 1_767_225_600;

/// The time `seconds` after the start of 2026.
pub fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(START_OF_2026 + seconds, 0).unwrap()
}

/// An amount in pence.
pub fn gbp(amount: i64) -> Money {
    money(amount, "GBP")
}

/// An amount in minor units of a currency.
pub fn money(amount: i64, currency: &str) -> Money {
    Money::new(amount, currency.parse::<Currency>().unwrap()).unwrap()
}

/// The identifier with this number.
pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}
