//! Where keys are kept.

use async_trait::async_trait;

use super::{ApiKey, KeyAccess, KeyPrefix, NewApiKey};
use crate::{ApiKeyId, Fault, Timestamp, UserId, audit::Cause};

/// Why a key was not kept.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// Its user has as many live keys as anybody may have.
    #[error("too many keys")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Keeps keys. Every method is atomic. A key is alive until it is revoked, it expires, or its user is erased.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// Keeps a new key, unless its user has `most` that are alive: then it is [`ApiKeyError::TooMany`], also for all
    /// but one of several at once. [`Fault::Unknown`] if its user does not exist, [`Fault::Unavailable`] if another key
    /// has its prefix, which a next try will not meet.
    async fn insert(&self, new: &NewApiKey, max_live: u32, cause: &Cause) -> Result<(), ApiKeyError>;

    /// What the key with that prefix is worth, also when it has expired, which it tells; `None` if it was revoked, or
    /// expired days ago, or its user is gone.
    async fn access(&self, prefix: KeyPrefix) -> Result<Option<KeyAccess>, Fault>;

    /// The live keys of a user, the last made first.
    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<ApiKey>, Fault>;

    /// Ends a key of a user for good, and returns its prefix; `None` if they have no such live key.
    async fn revoke(&self, user: UserId, id: ApiKeyId, cause: &Cause) -> Result<Option<KeyPrefix>, Fault>;

    /// Notes that a key was used, unless a later use is known. A key that is not there is fine: it was revoked.
    async fn used(&self, id: ApiKeyId, at: Timestamp) -> Result<(), Fault>;

    /// The prefixes of all keys that [`access`](Self::access) knows of a user, or did before the user was erased:
    /// whoever remembers what keys are worth has to forget these when a user changes.
    async fn prefixes(&self, user: UserId) -> Result<Vec<KeyPrefix>, Fault>;
}

/// Randomness that nobody can guess.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Randomness: Send + Sync {
    /// 32 random bytes, each time others. [`Fault::Unknown`] if the system has none.
    fn bytes(&self) -> Result<[u8; 32], Fault>;
}
