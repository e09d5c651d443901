//! Believing a key.

use std::{sync::PoisonError, time::Duration};

use entrepot_domain::{
    ApiKeyId, Timestamp,
    api_key::{ApiKeySecret, KeyPrefix},
    auth::{Actor, Proof},
};

use super::ApiKeyService;
use crate::Error;

/// How often the use of a key is noted: it is for people who clean up, and they need no seconds.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// How many keys are remembered as noted before those of long ago are forgotten.
const REMEMBERED: usize = 10_000;

/// A machine that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// On whose behalf it asks.
    pub actor: Actor,
    /// By which key.
    pub key: ApiKeyId,
    /// What logs may call the key.
    pub prefix: KeyPrefix,
    /// Whether this use is to be [noted](ApiKeyService::note_use), off the request's way.
    pub is_news: bool,
}

impl ApiKeyService {
    /// Lets the holder of a live key in, with the roles that its user has now. Anything that is no live key is
    /// [`Error::InvalidToken`]; one that has expired is [`Error::TokenExpired`].
    pub async fn admit(&self, token: &str) -> Result<Admitted, Error> {
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
        Ok(Admitted { actor, key: access.key, prefix, is_news: self.is_news(access.key, now) })
    }

    /// Notes that a key is in use.
    pub async fn note_use(&self, key: ApiKeyId) -> Result<(), Error> {
        Ok(self.ports.keys.used(key, self.ports.clock.now()).await?)
    }

    /// Whether the last use that was noted is long enough ago; if so, this one counts as noted.
    fn is_news(&self, key: ApiKeyId, now: Timestamp) -> bool {
        let is_old = |at: &Timestamp| (now - *at).to_std().is_ok_and(|since| since >= NOTED_EVERY);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&key).is_some_and(|at| !is_old(at)) {
            return false;
        }
        if noted.len() >= REMEMBERED {
            noted.retain(|_, at| !is_old(at));
        }
        noted.insert(key, now);
        true
    }
}
