//! The cache port.

use std::{
    any::Any,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;

use crate::{ProductId, SessionId, api_key::KeyPrefix};

/// The key of a cached value. Adapters that share values between instances add a version of the value's layout to it,
/// so that a binary never reads the bytes of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheKey {
    Product(ProductId),
    /// The number of products that are for sale.
    ProductCount,
    /// The user and roles of a session.
    Access(SessionId),
    /// What an API key allows.
    ApiKey(KeyPrefix),
}

/// Returned by a miss. [`Cache::put`] uses it to refuse a value that was read before an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// The result of [`Cache::get`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The cached value.
    Hit(CachedValue),
    /// No value. The caller loads it and calls [`Cache::put`] with this ticket.
    Miss(Ticket),
}

/// Cached bytes, and the value that they were decoded to: a cache inside the process returns them many times, and they
/// are decoded only once. Cheap to clone; all clones share the decoded value.
#[derive(Clone)]
pub struct CachedValue(Arc<Inner>);

struct Inner {
    bytes: Arc<[u8]>,
    decoded: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl CachedValue {
    /// Returns the decoded value, from an earlier call or by calling `decode`. The bytes may come from a cache that
    /// others write to, so `decode` must not trust them; `None` if they are malformed.
    pub fn decode_as<T: Any + Clone + Send + Sync>(&self, decode: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        if let Some(known) = self.0.decoded.get().and_then(|known| known.downcast_ref::<T>()) {
            return Some(known.clone());
        }
        let value = decode(self)?;
        // Another thread may have set the same value already.
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

/// A cache of bytes. It is never authoritative: stock, idempotency and money are not read from it.
///
/// Its methods do not fail: a cache that is unavailable finds nothing and stores nothing, after a bounded delay.
///
/// Its guarantee: after [`invalidate`](Cache::invalidate) has returned, no `get` on any instance returns a value that
/// was put with a ticket from before. So after a writer has invalidated a key and responded, no reader gets the old
/// value.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Cache: Send + Sync {
    /// Returns the value of a key.
    async fn get(&self, key: CacheKey) -> Lookup;

    /// Stores a value for at most `ttl`, unless the key was invalidated after the ticket was issued.
    async fn put(&self, key: CacheKey, value: Arc<[u8]>, ttl: Duration, ticket: Ticket);

    /// Removes the values of these keys, and invalidates their tickets.
    async fn invalidate(&self, keys: &[CacheKey]);

    /// Removes all values, and invalidates all tickets.
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
