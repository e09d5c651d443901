//! Users whose changes invalidate their sessions and keys.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, CacheKey, Email, Fault, Listing, SessionId, UserId, Version,
    api_key::ApiKeyRepository,
    audit::Cause,
    user::{ChangedUser, Credentials, NewUser, Roles, User, UserChange, UserError, UserQuery, UserRepository},
};

use crate::{keys, read_through::invalidate};

/// Caches no user, but invalidates the sessions and API keys that a change of a user affects.
pub struct CachedUsers {
    inner: Arc<dyn UserRepository>,
    api_keys: Arc<dyn ApiKeyRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedUsers {
    /// A decorator of `inner`, over the cache that [`CachedSessions`](crate::CachedSessions) and
    /// [`CachedApiKeys`](crate::CachedApiKeys) fill. `api_keys` is asked which keys a user has.
    pub fn new(inner: Arc<dyn UserRepository>, api_keys: Arc<dyn ApiKeyRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, api_keys, cache }
    }

    /// Invalidates these sessions and all API keys of the user. The keys are looked up after the change: one that is
    /// made later is first read later too. If they cannot be looked up the whole cache is cleared, because the change has
    /// been made.
    async fn invalidate(&self, user: UserId, sessions: &[SessionId]) {
        let mut stale = keys::of_sessions(sessions);
        match self.api_keys.prefixes(user).await {
            Ok(prefixes) => stale.extend(prefixes.into_iter().map(CacheKey::ApiKey)),
            Err(error) => {
                tracing::warn!(%user, %error, "cannot look up the API keys of a user; the cache is cleared");
                return self.cache.clear().await;
            }
        }
        invalidate(&*self.cache, &stale).await;
    }
}

#[async_trait]
impl UserRepository for CachedUsers {
    async fn insert(&self, new: &NewUser, cause: &Cause) -> Result<(), UserError> {
        self.inner.insert(new, cause).await
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, Fault> {
        self.inner.find(id).await
    }

    async fn find_many(&self, ids: &[UserId]) -> Result<Vec<User>, Fault> {
        self.inner.find_many(ids).await
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, Fault> {
        self.inner.credentials_by_email(email).await
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, Fault> {
        self.inner.credentials(id).await
    }

    async fn list(&self, query: &UserQuery) -> Result<Listing<User>, Fault> {
        self.inner.list(query).await
    }

    async fn update(
        &self,
        id: UserId,
        change: &UserChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError> {
        let changed = self.inner.update(id, change, expected, cause).await?;
        invalidate(&*self.cache, &keys::of_sessions(&changed.sessions)).await;
        Ok(changed)
    }

    async fn set_roles(
        &self,
        id: UserId,
        roles: Roles,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError> {
        let changed = self.inner.set_roles(id, roles, expected, cause).await?;
        self.invalidate(id, &changed.sessions).await;
        Ok(changed)
    }

    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError> {
        let ended = self.inner.erase(id, expected, cause).await?;
        self.invalidate(id, &ended).await;
        Ok(ended)
    }

    async fn has_admin(&self) -> Result<bool, Fault> {
        self.inner.has_admin().await
    }
}
