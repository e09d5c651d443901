//! Making and revoking keys.

use entrepot_domain::{
    ApiKeyId, Timestamp,
    api_key::{ApiKey, ApiKeyName, ApiKeySecret, NewApiKey, Scopes},
    audit::Origin,
    auth::Actor,
};

use super::ApiKeyService;
use crate::{Error, permission::require_session};

/// How many live keys anybody may have.
const MAX_LIVE_KEYS: u32 = 50;

/// What a key is to be.
#[derive(Debug, Clone)]
pub struct ApiKeyRequest {
    /// What its user calls it.
    pub name: ApiKeyName,
    /// What it may do. Scopes that go beyond the roles of its user are worth nothing until they get the role.
    pub scopes: Scopes,
    /// From when on it is good no more; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    /// The key as it will be found.
    pub key: ApiKey,
    /// Its secret, which nobody can look up any more.
    pub secret: ApiKeySecret,
}

impl ApiKeyService {
    /// Makes a key that acts for the actor, who must have logged in. An expiry that has passed is a bad field;
    /// [`Error::TooManyApiKeys`] if they have fifty.
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

    /// The actor's live keys, the last made first.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<ApiKey>, Error> {
        require_session(actor)?;
        Ok(self.ports.keys.list(actor.user, self.ports.clock.now()).await?)
    }

    /// Ends one of the actor's keys, at once and for good; [`Error::NotFound`] if it is not theirs or ended already.
    pub async fn revoke(&self, actor: &Actor, id: ApiKeyId, origin: &Origin) -> Result<(), Error> {
        require_session(actor)?;
        let revoked = self.ports.keys.revoke(actor.user, id, &self.cause(actor, origin)).await?;
        let prefix = revoked.ok_or(Error::NotFound)?;
        tracing::info!(user = %actor.user, key = %prefix, "API key revoked");
        Ok(())
    }
}
