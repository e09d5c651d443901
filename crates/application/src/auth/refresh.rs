//! Refresh token rotation, and logout.

use entrepot_domain::{
    audit::{Origin, Who},
    auth::{RefreshClaims, RotateError, Rotation, TokenError, TokenHash},
};

use super::{AuthService, LoggedIn};
use crate::Error;

impl AuthService {
    /// Rotates a refresh token (RFC 9700 4.14.2). A token that was used before ends its session and returns
    /// [`Error::RefreshTokenReused`].
    pub async fn refresh(&self, token: &str, origin: &Origin) -> Result<LoggedIn, Error> {
        // A reused token may be stolen, so the request counts as anonymous until the rotation succeeds.
        let cause = self.cause(Who::Anonymous, origin);
        let now = cause.at;
        let shown = self.ports.tokens.verify_refresh(token, now)?;
        let user = self.ports.users.find(shown.user).await?.ok_or(Error::InvalidToken)?;
        let next = self.refresh_claims(&user, shown.session, now);
        let rotation = Rotation {
            session: shown.session,
            presented: TokenHash::of(token),
            next: self.state_of(&next)?,
            cause,
            grace: self.settings.refresh_grace,
        };
        let rotated = self.ports.sessions.rotate(&rotation).await.map_err(|error| match error {
            RotateError::Ended => Error::InvalidToken,
            RotateError::Reused => {
                tracing::warn!(user = %shown.user, session = %shown.session, "a refresh token was reused");
                Error::RefreshTokenReused
            }
            RotateError::Fault(fault) => Error::Fault(fault),
        })?;
        let good = RefreshClaims {
            user: rotated.user,
            session: shown.session,
            id: rotated.refresh.id,
            issued_at: rotated.refresh.issued_at,
            expires_at: rotated.refresh.expires_at,
        };
        let mut pair = self.pair(user, &good, now)?;
        if TokenHash::of(&pair.refresh_token) != rotated.refresh.hash {
            // The successor was signed before, with a key that no longer signs. If that key is gone, the token cannot
            // be signed again.
            let successor = self.ports.tokens.refresh_again(&good, &rotated.refresh.hash)?;
            pair.refresh_token = successor.ok_or(Error::InvalidToken)?;
        }
        Ok(pair)
    }

    /// Ends the session of a refresh token, and with it its access tokens. Succeeds also if the session has ended or
    /// the token has expired.
    pub async fn logout(&self, token: &str, origin: &Origin) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let shown = match self.ports.tokens.verify_refresh(token, now) {
            Ok(shown) => shown,
            Err(TokenError::Expired) => return Ok(()),
            Err(TokenError::Invalid) => return Err(Error::InvalidToken),
        };
        let who = Who::User { id: shown.user, session: Some(shown.session) };
        self.ports.sessions.end(shown.user, shown.session, &self.cause(who, origin)).await?;
        Ok(())
    }
}
