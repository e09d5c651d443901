//! Authenticates API keys.

use std::{sync::PoisonError, time::Duration};

use entrepot_domain::{
    ApiKeyId, Timestamp,
    api_key::{ApiKeySecret, KeyPrefix},
    auth::{Actor, Proof},
};

use super::ApiKeyService;
use crate::Error;

/// How often the last use of a key is recorded. It helps people find unused keys, who need no seconds.
const USE_RECORD_INTERVAL: Duration = Duration::from_mins(1);

/// The most keys whose recorded uses are remembered, before old entries are removed.
const MAX_REMEMBERED_KEYS: usize = 10_000;

/// The result of authenticating an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticatedKey {
    /// The user that the key acts for, with their present roles.
    pub actor: Actor,
    pub key: ApiKeyId,
    /// Identifies the key in logs.
    pub prefix: KeyPrefix,
    /// Whether the caller should [record this use](ApiKeyService::record_use), without delaying the request.
    pub should_record_use: bool,
}

impl ApiKeyService {
    /// Authenticates the holder of a live key, with the present roles of its user. Returns [`Error::InvalidToken`] for
    /// anything but a live key, and [`Error::TokenExpired`] for one that has expired.
    pub async fn authenticate(&self, token: &str) -> Result<AuthenticatedKey, Error> {
        let secret = ApiKeySecret::parse(token).map_err(|_| Error::InvalidToken)?;
        let prefix = secret.prefix();
        let known = self.ports.keys.access(prefix).await?;
        let access = known.filter(|known| known.hash.is(&secret.hash())).ok_or(Error::InvalidToken)?;
        let now = self.ports.clock.now();
        if access.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Error::TokenExpired);
        }
        let proof = Proof::ApiKey { id: access.key, scopes: access.scopes };
        let actor = Actor { user: access.user, proof, roles: access.roles };
        Ok(AuthenticatedKey {
            actor,
            key: access.key,
            prefix,
            should_record_use: self.should_record_use(access.key, now),
        })
    }

    /// Records that a key was used now.
    pub async fn record_use(&self, key: ApiKeyId) -> Result<(), Error> {
        Ok(self.ports.keys.used(key, self.ports.clock.now()).await?)
    }

    /// Whether the last recorded use is old enough for another record. If so, remembers `now` as recorded.
    fn should_record_use(&self, key: ApiKeyId, now: Timestamp) -> bool {
        let is_old = |at: &Timestamp| (now - *at).to_std().is_ok_and(|since| since >= USE_RECORD_INTERVAL);
        let mut recorded_uses = self.recorded_uses.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded_uses.get(&key).is_some_and(|at| !is_old(at)) {
            return false;
        }
        if recorded_uses.len() >= MAX_REMEMBERED_KEYS {
            recorded_uses.retain(|_, at| !is_old(at));
        }
        recorded_uses.insert(key, now);
        true
    }
}
