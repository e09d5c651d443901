//! What may be remembered for a while.

use std::{
    any::Any,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
    time::Duration,
};

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
    Hit(CachedValue),
    /// Nothing; load it, then [`Cache::put`] it with this ticket.
    Miss(Ticket),
}

/// Bytes that are remembered, and what they were read as: whoever keeps them in the process gives them out many times,
/// and they need to be read only once. Cheap to clone; all clones know it.
#[derive(Clone)]
pub struct CachedValue(Arc<Inner>);

struct Inner {
    bytes: Arc<[u8]>,
    decoded: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl CachedValue {
    /// What the bytes are: as they were read before, or by `read`. They may come from a cache that others write to as
    /// well, so it must not believe them; `None` if they make no sense.
    pub fn decode_as<T: Any + Clone + Send + Sync>(&self, decode: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        if let Some(known) = self.0.decoded.get().and_then(|known| known.downcast_ref::<T>()) {
            return Some(known.clone());
        }
        let value = decode(self)?;
        // Somebody else may have been quicker, and has read the same.
        self.0.decoded.set(Box::new(value.clone())).ok();
        Some(value)
    }
}

impl<T: Into<Arc<[u8]>>> From<T> for CachedValue {
    fn from(bytes: T) -> Self {
        Self(Arc::new(Inner { bytes: bytes.into(), decoded: OnceLock::new() }))
    }
}

impl Deref for CachedValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl PartialEq for CachedValue {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes == other.0.bytes
    }
}

impl Eq for CachedValue {}

impl fmt::Debug for CachedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes.fmt(f)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Option<u8> {
        bytes.first().copied()
    }

    #[test]
    fn bytes_are_decoded_once() {
        let value = CachedValue::from([7, 8]);
        assert_eq!(value.clone().decode_as(first), Some(7));
        assert_eq!(value.decode_as(|_| Some(0_u8)), Some(7), "nobody reads them again");
        assert_eq!(value.decode_as(|bytes| Some(bytes.to_vec())), Some(vec![7, 8]), "as something else");
        assert_eq!(value.decode_as(first), Some(7));
    }

    #[test]
    fn malformed_bytes_are_decoded_again() {
        let value = CachedValue::from([]);
        assert_eq!(value.decode_as(first), None);
        assert_eq!(value.decode_as(|_| Some(1_u8)), Some(1));
    }
}
