//! Keys for machines, which act for the user who made them.

mod audit;
mod port;
mod scope;
mod secret;

pub use port::Randomness;
pub use port::{ApiKeyError, ApiKeyRepository};
#[cfg(feature = "mock")]
pub use port::{MockApiKeyRepository, MockRandomness};
pub use scope::{Scope, Scopes};
pub use secret::{ApiKeySecret, KeyPrefix};

use crate::{ApiKeyId, Timestamp, UserId, text::line_of_text, token_hash::TokenHash, user::Roles};

line_of_text!(
    /// What its user calls a key: `the till in Leeds`.
    ApiKeyName,
    100
);

/// A key, as its user sees it. The secret is not part of it: it is shown once, and nobody keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it.
    pub id: ApiKeyId,
    /// For whom it acts.
    pub user: UserId,
    /// What they call it.
    pub name: ApiKeyName,
    /// What its secret begins with.
    pub prefix: KeyPrefix,
    /// What it may do, where its user may.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is good no more; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<Timestamp>,
}

/// A key to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// The key as it will be found; not used yet.
    pub key: ApiKey,
    /// All that is kept of its secret.
    pub hash: TokenHash,
}

/// What a live key is worth, as the store knows it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAccess {
    /// Which key.
    pub key: ApiKeyId,
    /// For whom it acts.
    pub user: UserId,
    /// What they may do now.
    pub roles: Roles,
    /// What the key may do of it.
    pub scopes: Scopes,
    /// What its secret is checked against.
    pub hash: TokenHash,
    /// From when on it is good no more.
    pub expires_at: Option<Timestamp>,
}
