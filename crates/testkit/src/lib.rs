//! Builders of test data.
//!
//! Everything is made of small numbers or of names, so that a test says what it means, and a failure says which one:
//! `product(7).price(295).stock(3).build()`.
//!
//! With the feature `servers` also throw-away PostgreSQL and Redis.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may panic")]

mod audit;
mod order;
mod product;
#[cfg(feature = "servers")]
mod servers;
mod user;

use chrono::DateTime;
use entrepot_domain::{Currency, Money, Timestamp};
use uuid::Uuid;

pub use audit::{by, cause, origin};
pub use order::{at_key, basket, draft, order_id, placement, transition};
pub use product::{ProductBuilder, product, product_id, product_import, stock_change};
#[cfg(feature = "servers")]
pub use servers::{
    Database, Postgres, Redis, RedisCluster, RedisSentinel, redis_cluster_url, redis_sentinel_url, redis_url,
};
pub use user::{email, new_user, password, session, session_id, user, user_id};

/// The start of 2026, when the time of tests begins.
const START_OF_2026: i64 = 1_767_225_600;

/// The time so many seconds after the start of 2026.
pub fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(START_OF_2026 + seconds, 0).unwrap()
}

/// So many minor units of pounds.
pub fn gbp(amount: i64) -> Money {
    money(amount, "GBP")
}

/// So many minor units of a currency.
pub fn money(amount: i64, currency: &str) -> Money {
    Money::new(amount, currency.parse::<Currency>().unwrap()).unwrap()
}

/// The identifier with that number.
pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}
