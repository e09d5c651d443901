//! Sessions that are remembered: every request of a logged-in user asks for one.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::{
    Cache, CacheKey, Fault, MetricSource, Sample, SessionId, Timestamp, UserId,
    audit::Cause,
    auth::{Access, NewSession, OpenError, RotateError, Rotated, Rotation, Session, SessionRepository},
    user::Roles,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::read_through::ReadThrough;

/// Remembers who stands behind a session until it ends.
pub struct CachedSessions {
    inner: Arc<dyn SessionRepository>,
    cache: ReadThrough,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    user: Uuid,
    roles: u8,
}

impl CachedSessions {
    /// A decorator of `inner` that keeps what it read for at most `ttl`.
    pub fn new(inner: Arc<dyn SessionRepository>, cache: Arc<dyn Cache>, ttl: Duration) -> Self {
        Self { inner, cache: ReadThrough::new(cache, ttl) }
    }
}

impl MetricSource for CachedSessions {
    fn samples(&self) -> Vec<Sample> {
        self.cache.samples("session")
    }
}

#[async_trait]
impl SessionRepository for CachedSessions {
    async fn open(&self, new: &NewSession) -> Result<(), OpenError> {
        self.inner.open(new).await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError> {
        let rotated = self.inner.rotate(rotation).await;
        if matches!(rotated, Err(RotateError::Reused)) {
            self.cache.forget(&[CacheKey::Access(rotation.session)]).await;
        }
        rotated
    }

    async fn access(&self, id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault> {
        let load = || async {
            let access = self.inner.access(id, now).await?;
            Ok(access.map(|access| Kept { user: access.user.0, roles: access.roles.bits() }))
        };
        let kept = self.cache.get(CacheKey::Access(id), load).await?;
        kept.map(|kept| {
            let roles = Roles::from_bits(kept.roles).map_err(Fault::unknown)?;
            Ok(Access { user: UserId(kept.user), roles })
        })
        .transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault> {
        self.inner.list(user, now).await
    }

    async fn end(&self, user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault> {
        let ended = self.inner.end(user, id, cause).await?;
        self.cache.forget(&[CacheKey::Access(id)]).await;
        Ok(ended)
    }

    async fn end_all(&self, user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault> {
        let ended = self.inner.end_all(user, cause).await?;
        self.cache.forget(&keys_of(&ended)).await;
        Ok(ended)
    }
}

/// What is remembered of these sessions.
pub(crate) fn keys_of(sessions: &[SessionId]) -> Vec<CacheKey> {
    sessions.iter().copied().map(CacheKey::Access).collect()
}
