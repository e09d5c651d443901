//! Account tokens whose use invalidates sessions.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, Fault, Timestamp, UserId,
    account_token::{TokenMail, TokenPurpose},
    audit::Cause,
    auth::TokenHash,
    user::{AccountTokenRepository, ChangedUser, PasswordReset, User},
};

use crate::{keys, read_through::invalidate};

/// Caches no token, but invalidates the sessions that a new password ends.
pub struct CachedAccountTokens {
    inner: Arc<dyn AccountTokenRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedAccountTokens {
    /// A decorator of `inner`, over the cache that [`CachedSessions`](crate::CachedSessions) fills.
    pub fn new(inner: Arc<dyn AccountTokenRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, cache }
    }
}

#[async_trait]
impl AccountTokenRepository for CachedAccountTokens {
    async fn issue(&self, mail: &TokenMail) -> Result<bool, Fault> {
        self.inner.issue(mail).await
    }

    async fn owner(&self, token: &TokenHash, purpose: TokenPurpose, now: Timestamp) -> Result<Option<UserId>, Fault> {
        self.inner.owner(token, purpose, now).await
    }

    async fn reset_password(&self, reset: &PasswordReset, cause: &Cause) -> Result<Option<ChangedUser>, Fault> {
        let changed = self.inner.reset_password(reset, cause).await?;
        if let Some(changed) = &changed {
            invalidate(&*self.cache, &keys::of_sessions(&changed.sessions)).await;
        }
        Ok(changed)
    }

    async fn verify_email(&self, token: &TokenHash, cause: &Cause) -> Result<Option<User>, Fault> {
        self.inner.verify_email(token, cause).await
    }
}
