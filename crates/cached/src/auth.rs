//! Sessions that are cached: every request of a logged-in user looks one up.

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

use crate::{keys, read_through::ReadThrough};

/// Caches who stands behind a session until it ends.
pub struct CachedSessions {
    inner: Arc<dyn SessionRepository>,
    cache: ReadThrough,
}

/// The layout of a cached session.
#[derive(Clone, Serialize, Deserialize)]
struct AccessRecord {
    user: Uuid,
    roles: u8,
}

impl CachedSessions {
    /// A decorator of `inner` that caches a session for at most `ttl`.
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
            self.cache.invalidate(&[CacheKey::Access(rotation.session)]).await;
        }
        rotated
    }

    async fn access(&self, id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault> {
        let load = || async {
            let access = self.inner.access(id, now).await?;
            Ok(access.map(|access| AccessRecord { user: access.user.0, roles: access.roles.bits() }))
        };
        let record = self.cache.get(CacheKey::Access(id), load).await?;
        record
            .map(|record| {
                let roles = Roles::from_bits(record.roles).map_err(Fault::unknown)?;
                Ok(Access { user: UserId(record.user), roles })
            })
            .transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault> {
        self.inner.list(user, now).await
    }

    async fn end(&self, user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault> {
        let ended = self.inner.end(user, id, cause).await?;
        self.cache.invalidate(&[CacheKey::Access(id)]).await;
        Ok(ended)
    }

    async fn end_all(&self, user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault> {
        let ended = self.inner.end_all(user, cause).await?;
        self.cache.invalidate(&keys::of_sessions(&ended)).await;
        Ok(ended)
    }
}
