//! API keys, with which programs act for the user who created them.

mod audit;
mod port;
mod scope;
mod secret;

pub use port::{ApiKeyError, ApiKeyRepository};
#[cfg(feature = "mock")]
pub use port::{MockApiKeyRepository, MockRandomness};
pub use port::{Randomness, spread};
pub use scope::{Scope, Scopes};
pub use secret::{ApiKeySecret, KeyPrefix};

use crate::{ApiKeyId, Timestamp, UserId, text::line_of_text, token_hash::TokenHash, user::Roles};

line_of_text!(
    /// The user's name for a key: `the till in Leeds`.
    ApiKeyName,
    100
);

/// A key without its secret, which is shown once and not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    /// The user that the key acts for.
    pub user: UserId,
    pub name: ApiKeyName,
    /// The first characters of its secret.
    pub prefix: KeyPrefix,
    /// Limits what the key may do, within the roles of its user.
    pub scopes: Scopes,
    pub created_at: Timestamp,
    /// When the key expires; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// Accurate to about a minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key to be inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// The key as it will be read later; not used yet.
    pub key: ApiKey,
    /// The hash of its secret, which is not stored.
    pub hash: TokenHash,
}

/// What a key allows at present, according to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAccess {
    pub key: ApiKeyId,
    /// The user that the key acts for.
    pub user: UserId,
    /// The present roles of the user.
    pub roles: Roles,
    pub scopes: Scopes,
    /// The hash that its secret must have.
    pub hash: TokenHash,
    /// When the key expires; `None` is never.
    pub expires_at: Option<Timestamp>,
}
