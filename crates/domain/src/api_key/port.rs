//! The repository of API keys.

use async_trait::async_trait;

use super::{ApiKey, KeyAccess, KeyPrefix, NewApiKey};
use crate::{ApiKeyId, Fault, Timestamp, UserId, audit::Cause};

/// Why a key was not inserted.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The user has the maximum number of live keys.
    #[error("too many keys")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Stores API keys. Every method is atomic. A key is live until it is revoked, it expires, or its user is erased.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// Inserts a key. Returns [`ApiKeyError::TooMany`] if its user has `max_live` live keys; of several concurrent
    /// calls only as many succeed as the limit allows. Returns [`Fault::Unknown`] if the user does not exist, and
    /// [`Fault::Unavailable`] if another key has the same prefix, so that a retry with a new key succeeds.
    async fn insert(&self, new: &NewApiKey, max_live: u32, cause: &Cause) -> Result<(), ApiKeyError>;

    /// Returns what the key with this prefix allows. An expired key is returned too, with its `expires_at`; `None` if
    /// the key was revoked, or expired days ago, or its user was erased.
    async fn access(&self, prefix: KeyPrefix) -> Result<Option<KeyAccess>, Fault>;

    /// Lists the live keys of a user, the newest first.
    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<ApiKey>, Fault>;

    /// Revokes a key of a user permanently, and returns its prefix; `None` if the user has no such live key.
    async fn revoke(&self, user: UserId, id: ApiKeyId, cause: &Cause) -> Result<Option<KeyPrefix>, Fault>;

    /// Records that a key was used, unless a later use is recorded. Succeeds if the key does not exist, because it may
    /// have been revoked.
    async fn used(&self, id: ApiKeyId, at: Timestamp) -> Result<(), Fault>;

    /// Lists the prefixes of all keys of a user for which [`access`](Self::access) returns, or returned before the user
    /// was erased, a value. A cache must forget these when the user changes.
    async fn prefixes(&self, user: UserId) -> Result<Vec<KeyPrefix>, Fault>;
}

/// A cryptographically secure random generator.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Randomness: Send + Sync {
    /// Returns 32 random bytes. [`Fault::Unknown`] if the system provides none.
    fn bytes(&self) -> Result<[u8; 32], Fault>;
}

/// A number that spreads moments evenly, such as those of further attempts. Without randomness it is the middle one.
pub fn spread(random: &dyn Randomness) -> u32 {
    let bytes = random.bytes().ok().and_then(|bytes| bytes.first_chunk().copied());
    bytes.map_or(u32::MAX / 2, u32::from_be_bytes)
}
