//! Users whose changes are felt by their sessions at once.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, Email, Fault, Listing, SessionId, UserId, Version,
    audit::Cause,
    user::{Changed, Credentials, NewUser, Roles, User, UserChange, UserError, UserQuery, UserRepository},
};

use crate::{auth::keys_of, read_through::forget};

/// Remembers no user, but forgets what is remembered of the sessions that a change of a user touches.
pub struct CachedUsers {
    inner: Arc<dyn UserRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedUsers {
    /// A decorator of `inner`, over the cache that [`CachedSessions`](crate::auth::CachedSessions) fills.
    pub fn new(inner: Arc<dyn UserRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, cache }
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
        forget(&*self.cache, &keys_of(&changed.sessions)).await;
        Ok(changed)
    }

    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError> {
        let ended = self.inner.erase(id, expected, cause).await?;
        forget(&*self.cache, &keys_of(&ended)).await;
        Ok(ended)
    }

    async fn has_admin(&self) -> Result<bool, Fault> {
        self.inner.has_admin().await
    }
}
