//! A cache and rate limits that many instances share, on Redis through fred.
//!
//! Redis is never the source of truth here. When it is down or hung, a request pays a bounded delay once and nothing
//! afterwards: a circuit breaker stops all commands until a background task finds that Redis answers again. Meanwhile
//! every cache look-up is a miss, and limits are counted in the process.
//!
//! The guarantees of the cache, with and without Redis, are documented at [`RedisCache`]; the accuracy of the limits at
//! [`RedisLimiter`].
//!
//! Modules, from the inside out; each uses only those before it:
//!
//! - `keys`: the names of all keys in Redis.
//! - `client`: the connection, its options and its circuit breaker; scripts, and retries while a cluster moves a slot.
//! - `invalidation`: how one instance tells Redis and the other instances what was changed.
//! - `lifecycle`: [`Redis`], the handle: connecting, reconnecting, recovery after an outage, closing, health.
//! - `cache`: [`RedisCache`], with a near cache in the process that a lease keeps correct.
//! - `limit`: [`RedisLimiter`].
//! - `signal`: [`RedisSignal`], by which instances wake each other's followers of the event log.

mod cache;
mod client;
mod invalidation;
mod keys;
mod lifecycle;
mod limit;
mod signal;

pub use cache::RedisCache;
pub use client::options::RedisOptions;
pub use lifecycle::Redis;
pub use limit::RedisLimiter;
pub use signal::RedisSignal;
