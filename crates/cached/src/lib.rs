//! Repositories that remember: each decorator here implements the port that it wraps, over the domain's [`Cache`] port.
//!
//! | decorator | remembers | invalidates |
//! |---|---|---|
//! | [`CachedProducts`] | products | products that change |
//! | [`CachedSessions`] | who stands behind a session | sessions that end |
//! | [`CachedApiKeys`] | what an API key is worth | keys that are revoked |
//! | [`CachedOrders`] | nothing | products whose stock an order changes |
//! | [`CachedUsers`] | nothing | sessions and keys of users that change |
//! | [`CachedSecondFactors`] | nothing | sessions that end when a second factor comes into force |
//!
//! All of them share one cache. The composition root decides whether they are there; nothing else knows that they exist.
//!
//! # The rules
//! - A write invalidates after the store has committed and before it returns, so that no read after its answer sees the
//!   old value, on any instance. A read that began before the write cannot put the old value back: see [`Cache::put`].
//! - A value is stored as bytes in a layout of this crate (`…Record`), and every field is parsed again when it is read: a
//!   cache may be shared, and is not trusted. Bytes that do not parse are a miss.
//! - One load at a time for one key: other readers wait for it.
//! - Absence is not remembered.
//!
//! # How to remember something new
//! 1. Add a variant to [`CacheKey`](entrepot_domain::CacheKey).
//! 2. Write its record with the conversions both ways, and a decorator whose reads go through `ReadThrough::get`.
//! 3. Name every write that changes it, in whichever port it is, and invalidate the key there.
//! 4. Wire the decorator in `server`.
//!
//! [`Cache`]: entrepot_domain::Cache
//! [`Cache::put`]: entrepot_domain::Cache::put

mod account_token;
mod api_key;
mod auth;
mod keys;
mod order;
mod product;
mod read_through;
mod second_factor;
mod user;

pub use account_token::CachedAccountTokens;
pub use api_key::CachedApiKeys;
pub use auth::CachedSessions;
pub use order::CachedOrders;
pub use product::CachedProducts;
pub use second_factor::CachedSecondFactors;
pub use user::CachedUsers;
