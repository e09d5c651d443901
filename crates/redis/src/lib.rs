//! Cache and limits that many instances share, on Redis through fred.
//!
//! Redis is never the truth here. Down or hung, it costs a request a bounded delay once, and then nothing: a circuit
//! breaker keeps everybody away until a task in the background finds that it answers again. Meanwhile the cache finds
//! nothing and limits are counted in the process.
//!
//! What the cache promises while Redis can be reached, and what is left of it while it cannot, stands at
//! [`RedisCache`]; how exact the limits are, at [`RedisLimiter`].

mod breaker;
mod cache;
mod keys;
mod limit;
mod moving;
mod options;
mod redis;
mod script;
mod token;
mod told;

pub use cache::RedisCache;
pub use limit::RedisLimiter;
pub use options::RedisOptions;
pub use redis::Redis;
