//! Logging in.

use entrepot_domain::{
    Email, SessionId,
    audit::{Origin, Who},
    auth::{Device, NewSession},
    second_factor::{SecondFactor, SecondFactorCode},
    user::User,
};

use super::{AuthService, LoggedIn};
use crate::{Error, second_factor::take_code};

/// What somebody logs in with.
#[derive(Clone)]
pub struct Login {
    /// Who they say they are.
    pub email: Email,
    /// What they typed; it need not be a good password.
    pub password: String,
    /// A code of their second factor, if they have one.
    pub code: Option<SecondFactorCode>,
    /// What their client calls itself.
    pub user_agent: Option<String>,
}

impl AuthService {
    /// Checks a password and opens a session. An unknown email and a wrong password are
    /// [`Error::InvalidCredentials`] alike, and take the same time. After too many failures from that address for that
    /// email it is [`Error::RateLimited`], right or wrong.
    ///
    /// Of a user with a second factor a code is asked as well: without one it is [`Error::SecondFactorRequired`], which
    /// is told to nobody who has not the password, and a wrong one is as bad as a wrong password.
    pub async fn login(&self, login: Login, origin: &Origin) -> Result<LoggedIn, Error> {
        let attempt = self.ports.throttle.attempt(origin.address, &login.email).await?;
        let known = self.ports.users.credentials_by_email(&login.email).await?;
        let (user, hash) = match known {
            Some(known) => (Some(known.user), Some(known.password)),
            None => (None, None),
        };
        let right = self.ports.hasher.verify(&login.password, hash).await?;
        let Some(user) = user.filter(|_| right) else {
            // Not in the audit log, which anybody could fill with it.
            tracing::warn!(address = %origin.address, "a login failed");
            attempt.failed().await?;
            return Err(Error::InvalidCredentials);
        };
        if !self.second_factor_is_right(&user, login.code.as_ref(), origin).await? {
            tracing::warn!(address = %origin.address, user = %user.id, "a code was wrong");
            attempt.failed().await?;
            return Err(Error::InvalidCredentials);
        }
        drop(attempt);

        let id = SessionId(self.ports.ids.next());
        let cause = self.cause(Who::User { id: user.id, session: Some(id) }, origin);
        let now = cause.at;
        let refresh = self.refresh_claims(&user, id, now);
        let session = NewSession {
            id,
            user: user.id,
            device: Device { user_agent: login.user_agent, address: Some(origin.address) },
            refresh: self.state_of(&refresh)?,
            cause,
        };
        self.ports.sessions.open(&session).await?;
        tracing::info!(user = %user.id, session = %id, "logged in");
        Ok(self.pair(user, &refresh, now)?)
    }

    /// Whether the code is good, or none is needed. A good one is taken by that, and not good again.
    async fn second_factor_is_right(
        &self,
        user: &User,
        code: Option<&SecondFactorCode>,
        origin: &Origin,
    ) -> Result<bool, Error> {
        let Some(SecondFactor::InForce { secret, .. }) = self.ports.second_factors.find(user.id).await? else {
            return Ok(true);
        };
        let code = code.ok_or(Error::SecondFactorRequired)?;
        let cause = self.cause(Who::User { id: user.id, session: None }, origin);
        take_code(&*self.ports.second_factors, &*self.ports.sealer, user.id, &secret, code, &cause).await
    }
}
