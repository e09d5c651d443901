//! API keys that are cached: every request of a machine looks one up.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::{
    ApiKeyId, Cache, CacheKey, Fault, MetricSource, Sample, Timestamp, UserId,
    api_key::{ApiKey, ApiKeyError, ApiKeyRepository, KeyAccess, KeyPrefix, NewApiKey, Scopes},
    audit::Cause,
    auth::TokenHash,
    user::Roles,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::read_through::ReadThrough;

/// Caches what a key is worth until it is revoked or its user changes, which [`CachedUsers`](crate::CachedUsers) sees.
pub struct CachedApiKeys {
    inner: Arc<dyn ApiKeyRepository>,
    cache: ReadThrough,
}

/// The layout of a cached key.
#[derive(Clone, Serialize, Deserialize)]
struct KeyRecord {
    key: Uuid,
    user: Uuid,
    roles: u8,
    scopes: u16,
    hash: [u8; 32],
    /// Milliseconds since 1970.
    expires_at: Option<i64>,
}

impl CachedApiKeys {
    /// A decorator of `inner` that caches a key for at most `ttl`.
    pub fn new(inner: Arc<dyn ApiKeyRepository>, cache: Arc<dyn Cache>, ttl: Duration) -> Self {
        Self { inner, cache: ReadThrough::new(cache, ttl) }
    }
}

impl From<KeyAccess> for KeyRecord {
    fn from(access: KeyAccess) -> Self {
        Self {
            key: access.key.0,
            user: access.user.0,
            roles: access.roles.bits(),
            scopes: access.scopes.bits(),
            hash: access.hash.0,
            expires_at: access.expires_at.map(|at| at.timestamp_millis()),
        }
    }
}

impl TryFrom<KeyRecord> for KeyAccess {
    type Error = Fault;

    fn try_from(record: KeyRecord) -> Result<Self, Fault> {
        let at = |millis| {
            Timestamp::from_timestamp_millis(millis)
                .ok_or_else(|| Fault::unknown(anyhow::anyhow!("{millis} ms is out of the range of timestamps")))
        };
        Ok(Self {
            key: ApiKeyId(record.key),
            user: UserId(record.user),
            roles: Roles::from_bits(record.roles).map_err(Fault::unknown)?,
            scopes: Scopes::from_bits(record.scopes).map_err(Fault::unknown)?,
            hash: TokenHash(record.hash),
            expires_at: record.expires_at.map(at).transpose()?,
        })
    }
}

impl MetricSource for CachedApiKeys {
    fn samples(&self) -> Vec<Sample> {
        self.cache.samples("api_key")
    }
}

#[async_trait]
impl ApiKeyRepository for CachedApiKeys {
    async fn insert(&self, new: &NewApiKey, max_live: u32, cause: &Cause) -> Result<(), ApiKeyError> {
        self.inner.insert(new, max_live, cause).await
    }

    async fn access(&self, prefix: KeyPrefix) -> Result<Option<KeyAccess>, Fault> {
        let load = || async move { Ok(self.inner.access(prefix).await?.map(KeyRecord::from)) };
        let record = self.cache.get(CacheKey::ApiKey(prefix), load).await?;
        record.map(KeyAccess::try_from).transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<ApiKey>, Fault> {
        self.inner.list(user, now).await
    }

    async fn revoke(&self, user: UserId, id: ApiKeyId, cause: &Cause) -> Result<Option<KeyPrefix>, Fault> {
        let revoked = self.inner.revoke(user, id, cause).await?;
        if let Some(prefix) = revoked {
            self.cache.invalidate(&[CacheKey::ApiKey(prefix)]).await;
        }
        Ok(revoked)
    }

    async fn used(&self, id: ApiKeyId, at: Timestamp) -> Result<(), Fault> {
        self.inner.used(id, at).await
    }

    async fn prefixes(&self, user: UserId) -> Result<Vec<KeyPrefix>, Fault> {
        self.inner.prefixes(user).await
    }
}
