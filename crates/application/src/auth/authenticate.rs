//! Verifies access tokens.

use entrepot_domain::auth::{AccessClaims, Actor, Proof};

use super::AuthService;
use crate::Error;

impl AuthService {
    /// Verifies the signature, the type and every claim of an access token. Accesses no store, so it does not check the
    /// session.
    pub fn verify(&self, token: &str) -> Result<AccessClaims, Error> {
        Ok(self.ports.tokens.verify_access(token, self.ports.clock.now())?)
    }

    /// Returns the actor of a verified token, with the present roles of the user, if the session is still live.
    pub async fn authenticate(&self, claims: &AccessClaims) -> Result<Actor, Error> {
        let access = self.ports.sessions.access(claims.session, self.ports.clock.now()).await?;
        match access {
            Some(access) if access.user == claims.user => {
                Ok(Actor { user: access.user, proof: Proof::Session(claims.session), roles: access.roles })
            }
            Some(_) | None => Err(Error::InvalidToken),
        }
    }
}
