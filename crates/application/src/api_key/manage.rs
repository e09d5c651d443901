//! Creates, lists and revokes API keys.

use entrepot_domain::{
    ApiKeyId, Timestamp,
    api_key::{ApiKey, ApiKeyName, ApiKeySecret, NewApiKey, Scopes},
    audit::Origin,
    auth::Actor,
};

use super::ApiKeyService;
use crate::{Error, permission::require_session};

/// The most live keys of one user.
const MAX_LIVE_KEYS: u32 = 50;

/// The properties of a new key.
#[derive(Debug, Clone)]
pub struct ApiKeyRequest {
    /// The user's name for the key.
    pub name: ApiKeyName,
    /// Scopes beyond the user's roles have no effect until the user gets the role.
    pub scopes: Scopes,
    /// When the key expires; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// A new key with its secret.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The key as the store returns it.
    pub key: ApiKey,
    /// Its secret. It is not stored, so it can be shown only now.
    pub secret: ApiKeySecret,
}

impl ApiKeyService {
    /// Creates a key that acts for the actor, who must be logged in. An expiry in the past is a validation error.
    /// Returns [`Error::TooManyApiKeys`] if the actor has fifty live keys.
    pub async fn create(&self, actor: &Actor, request: ApiKeyRequest, origin: &Origin) -> Result<CreatedKey, Error> {
        require_session(actor)?;
        let cause = self.cause(actor, origin);
        let now = cause.at;
        if request.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(Error::field("expiresAt", "must be in the future"));
        }
        let secret = ApiKeySecret::from_random(self.ports.random.bytes()?);
        let key = ApiKey {
            id: ApiKeyId(self.ports.ids.next()),
            user: actor.user,
            name: request.name,
            prefix: secret.prefix(),
            scopes: request.scopes,
            created_at: now,
            expires_at: request.expires_at,
            last_used_at: None,
        };
        let new = NewApiKey { key, hash: secret.hash() };
        self.ports.keys.insert(&new, MAX_LIVE_KEYS, &cause).await?;
        tracing::info!(user = %actor.user, key = %new.key.prefix, "API key created");
        Ok(CreatedKey { key: new.key, secret })
    }

    /// Lists the actor's live keys, the newest first.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<ApiKey>, Error> {
        require_session(actor)?;
        Ok(self.ports.keys.list(actor.user, self.ports.clock.now()).await?)
    }

    /// Revokes one of the actor's keys, immediately and permanently. Returns [`Error::NotFound`] if it is not theirs or
    /// not live.
    pub async fn revoke(&self, actor: &Actor, id: ApiKeyId, origin: &Origin) -> Result<(), Error> {
        require_session(actor)?;
        let revoked = self.ports.keys.revoke(actor.user, id, &self.cause(actor, origin)).await?;
        let prefix = revoked.ok_or(Error::NotFound)?;
        tracing::info!(user = %actor.user, key = %prefix, "API key revoked");
        Ok(())
    }
}
