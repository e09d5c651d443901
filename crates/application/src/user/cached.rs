//! Users whose changes are felt by their sessions and keys at once.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, CacheKey, Email, Fault, Listing, SessionId, UserId, Version,
    api_key::ApiKeyRepository,
    audit::Cause,
    user::{Changed, Credentials, NewUser, Roles, User, UserChange, UserError, UserQuery, UserRepository},
};

use crate::{auth::keys_of, read_through::forget};

/// Remembers no user, but forgets what is remembered of the sessions and keys that a change of a user touches.
pub struct CachedUsers {
    inner: Arc<dyn UserRepository>,
    keys: Arc<dyn ApiKeyRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedUsers {
    /// A decorator of `inner`, over the cache that [`CachedSessions`](crate::auth::CachedSessions) and
    /// [`CachedApiKeys`](crate::api_key::CachedApiKeys) fill. `keys` is asked which keys a user has.
    pub fn new(inner: Arc<dyn UserRepository>, keys: Arc<dyn ApiKeyRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, keys, cache }
    }

    /// Forgets what these sessions, and all keys of the user, are worth. The keys are looked up after the change: one
    /// that is made later is first read later too. If they cannot be, all is forgotten, for the change was made.
    async fn forget(&self, user: UserId, sessions: &[SessionId]) {
        let mut stale = keys_of(sessions);
        match self.keys.prefixes(user).await {
            Ok(prefixes) => stale.extend(prefixes.into_iter().map(CacheKey::ApiKey)),
            Err(error) => {
                tracing::warn!(%user, %error, "cannot tell which keys a user has; all that is remembered is forgotten");
                return self.cache.clear().await;
            }
        }
        forget(&*self.cache, &stale).await;
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
    ) -> Result<Changed, UserError> {
        let changed = self.inner.update(id, change, expected, cause).await?;
        forget(&*self.cache, &keys_of(&changed.sessions)).await;
        Ok(changed)
    }

    async fn set_roles(
        &self,
        id: UserId,
        roles: Roles,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Changed, UserError> {
        let changed = self.inner.set_roles(id, roles, expected, cause).await?;
        self.forget(id, &changed.sessions).await;
        Ok(changed)
    }

    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError> {
        let ended = self.inner.erase(id, expected, cause).await?;
        self.forget(id, &ended).await;
        Ok(ended)
    }

    async fn has_admin(&self) -> Result<bool, Fault> {
        self.inner.has_admin().await
    }
}
