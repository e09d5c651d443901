//! What a credential gives access to at present.

use std::sync::Arc;

use entrepot_domain::{
    Clock, UserId,
    api_key::ApiKeyRepository,
    auth::{Actor, Credential, Proof, SessionRepository},
};

use crate::Error;

/// Finds out what a credential gives access to at present, by the same ports that authenticate requests.
pub struct AccessChecker {
    pub sessions: Arc<dyn SessionRepository>,
    pub keys: Arc<dyn ApiKeyRepository>,
    pub clock: Arc<dyn Clock>,
}

impl AccessChecker {
    /// Returns the actor with their present roles. [`Error::InvalidToken`] if the session has ended or the key was
    /// revoked, or the user was erased; [`Error::TokenExpired`] for a key that has expired.
    pub async fn actor(&self, user: UserId, credential: Credential) -> Result<Actor, Error> {
        let now = self.clock.now();
        let actor = match credential {
            Credential::Session(session) => {
                let access = self.sessions.access(session, now).await?.ok_or(Error::InvalidToken)?;
                Actor { user: access.user, proof: Proof::Session(session), roles: access.roles }
            }
            Credential::ApiKey(prefix) => {
                let access = self.keys.access(prefix).await?.ok_or(Error::InvalidToken)?;
                if access.expires_at.is_some_and(|expires_at| expires_at <= now) {
                    return Err(Error::TokenExpired);
                }
                let proof = Proof::ApiKey { id: access.key, scopes: access.scopes };
                Actor { user: access.user, proof, roles: access.roles }
            }
        };
        if actor.is(user) { Ok(actor) } else { Err(Error::InvalidToken) }
    }
}
