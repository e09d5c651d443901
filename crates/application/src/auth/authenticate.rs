//! Believing an access token.

use entrepot_domain::auth::{AccessClaims, Actor, Proof};

use super::AuthService;
use crate::Error;

impl AuthService {
    /// Reads an access token: signature, kind and every claim. Asks no store, so it says nothing of the session.
    pub fn verify(&self, token: &str) -> Result<AccessClaims, Error> {
        Ok(self.ports.tokens.verify_access(token, self.ports.clock.now())?)
    }

    /// Lets the bearer of a good token in, if the session is still alive, with the roles that the user has now.
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
