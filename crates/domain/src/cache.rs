//! What may be remembered for a while.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{ProductId, SessionId, api_key::KeyPrefix};

/// What a cached value is about. Adapters that share values between instances print it with a version of the layout,
/// so that an old binary's bytes are never read by a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheKey {
    /// A product as the catalogue shows it.
    Product(ProductId),
    /// Who stands behind a session, and what they may do.
    Access(SessionId),
    /// What an API key is worth.
    ApiKey(KeyPrefix),
}

/// Proof of when a reader missed: lets [`Cache::put`] refuse what was read before a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// What [`Cache::get`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The value as it was put.
    Hit(Arc<[u8]>),
    /// Nothing; load it, then [`Cache::put`] it with this ticket.
    Miss(Ticket),
}

/// Remembers bytes for a while. It is never the truth: stock, idempotency and money are not believed from it.
///
/// It cannot fail: a cache that is down finds nothing and keeps nothing, and costs no more than a bounded delay.
///
/// The promise that makes it usable: once [`invalidate`](Cache::invalidate) has returned, no `get` on any instance
/// returns a value that was put with a ticket from before. So a writer that invalidates before it answers is never
/// followed by an old read.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Cache: Send + Sync {
    /// Looks a key up.
    async fn get(&self, key: CacheKey) -> Lookup;

    /// Keeps a value for at most `ttl`, unless the key was invalidated since the ticket was given.
    async fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration, ticket: Ticket);

    /// Forgets the keys, and what is being loaded for them.
    async fn invalidate(&self, keys: &[CacheKey]);

    /// Forgets everything, and all that is being loaded.
    async fn clear(&self);
}
