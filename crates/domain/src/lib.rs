//! The domain of the order backend: entities, values, decisions and ports, independent of storage and API.
//!
//! Entities and values are parsed, not validated: every [`Email`], [`Money`] or [`PlainPassword`](auth::PlainPassword)
//! that exists is valid. What the domain needs from outside is a **port**: a trait in this crate, implemented by an
//! adapter crate, and held by the use cases as `Arc<dyn Port>`.
//!
//! # The rules of a port
//! - A method is one atomic business operation and not a table operation: it happens completely or not at all. No
//!   transaction, connection or row type is part of its signature.
//! - Absence is not an error: a look-up returns an [`Option`].
//! - Each port has its own error type with the cases that a caller can act on. Failures of the store are a [`Fault`]:
//!   [`Fault::Unavailable`] is worth a retry (503), [`Fault::Unknown`] is a bug or invalid stored data (500).
//! - A write that has begun is completed or rolled back also if its future is dropped.
//! - Time and randomness are ports too ([`Clock`], [`IdGenerator`]).
//!
//! # How to add a port
//! 1. Name the operation as its users do, in the module of its aggregate, and write its contract in its doc comment:
//!    what it guarantees, its errors, whether it is atomic.
//! 2. Put `#[cfg_attr(feature = "mock", mockall::automock)]` over the trait: with the feature `mock`, other crates have
//!    `MockYourPort::new()`.
//! 3. Write the use case and its tests with that mock, in `application`.
//! 4. Write its cases in `contract`, and then the adapters, each of which runs all cases.
//! 5. Wire it in `server`.

pub mod account_token;
pub mod api_key;
pub mod audit;
pub mod auth;
mod base62;
mod cache;
mod clock;
mod decimal;
mod email;
pub mod event;
mod fault;
mod health;
mod ids;
pub mod job;
mod limit;
pub mod mail;
mod metrics;
mod money;
pub mod order;
mod page;
mod password;
pub mod product;
pub mod second_factor;
mod sort;
mod striped_lock;
mod text;
mod token_hash;
pub mod user;
pub mod webhook;

pub use cache::{Cache, CacheKey, CachedValue, Lookup, Ticket};
pub use clock::{Clock, IdGenerator, Timestamp, saturating_add};
pub use decimal::DecimalAmount;
pub use email::Email;
pub use fault::{Fault, Invalid};
pub use health::HealthCheck;
pub use ids::{ApiKeyId, DeliveryId, JobId, OrderId, ProductId, SessionId, UserId, Version, WebhookId};
pub use limit::{Quota, RateLimitDecision, RateLimiter, Subject};
pub use metrics::{MetricKind, MetricSource, Sample};
pub use money::{Currency, Money};
pub use page::{EXACT_TOTAL, Limit, Listing, PageNumber, Window};
pub use sort::{Direction, KeyValue, Keyset, KeysetTerms, Sort, SortColumns, SortField, SortValue};
pub use striped_lock::{StripeGuard, StripedLock};
pub use text::{Description, fold, search_text, search_words, sort_text};

#[cfg(feature = "mock")]
pub use {cache::MockCache, clock::MockClock, clock::MockIdGenerator, health::MockHealthCheck, limit::MockRateLimiter};
