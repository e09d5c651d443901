//! Second factors that invalidate the sessions which they end.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    Cache, Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    second_factor::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, SecondFactorRepository, TimeStep},
};

use crate::{keys, read_through::invalidate};

/// Caches no second factor, but invalidates the sessions that end when one comes into force.
pub struct CachedSecondFactors {
    inner: Arc<dyn SecondFactorRepository>,
    cache: Arc<dyn Cache>,
}

impl CachedSecondFactors {
    /// A decorator of `inner`, over the cache that [`CachedSessions`](crate::CachedSessions) fills.
    pub fn new(inner: Arc<dyn SecondFactorRepository>, cache: Arc<dyn Cache>) -> Self {
        Self { inner, cache }
    }
}

#[async_trait]
impl SecondFactorRepository for CachedSecondFactors {
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Fault> {
        self.inner.find(user).await
    }

    async fn begin(&self, user: UserId, secret: &SealedSecret, now: Timestamp) -> Result<bool, Fault> {
        self.inner.begin(user, secret, now).await
    }

    async fn confirm(
        &self,
        user: UserId,
        confirmation: &Confirmation,
        cause: &Cause,
    ) -> Result<Option<Vec<SessionId>>, Fault> {
        let ended = self.inner.confirm(user, confirmation, cause).await?;
        invalidate(&*self.cache, &keys::of_sessions(ended.as_deref().unwrap_or_default())).await;
        Ok(ended)
    }

    async fn take_step(&self, user: UserId, step: TimeStep) -> Result<bool, Fault> {
        self.inner.take_step(user, step).await
    }

    async fn take_recovery_code(&self, user: UserId, code: RecoveryHash, cause: &Cause) -> Result<bool, Fault> {
        self.inner.take_recovery_code(user, code, cause).await
    }

    async fn renew_recovery_codes(&self, user: UserId, codes: &[RecoveryHash], cause: &Cause) -> Result<bool, Fault> {
        self.inner.renew_recovery_codes(user, codes, cause).await
    }

    async fn remove(&self, user: UserId, cause: &Cause) -> Result<bool, Fault> {
        self.inner.remove(user, cause).await
    }
}
