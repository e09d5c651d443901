//! Login.

use entrepot_domain::{
    Email, SessionId,
    audit::{Origin, Who},
    auth::{CheckedCredentials, Device, LoginObserver, NewSession, OpenError},
    second_factor::{SealedSecret, SecondFactor, SecondFactorCode},
    user::{Credentials, User},
};

use super::{AuthService, LoggedIn};
use crate::{Error, second_factor::take_code};

/// The credentials of a login.
#[derive(Clone)]
pub struct Login {
    pub email: Email,
    /// As it was typed; it need not be a valid password.
    pub password: String,
    /// A code of the user's second factor, if they have one.
    pub code: Option<SecondFactorCode>,
    /// The `User-Agent` of the client.
    pub user_agent: Option<String>,
}

/// Reports the outcome of a login to the observer. If it is dropped before the login ended, because the caller gave up
/// on it, the outcome is `unavailable`.
struct Report<'a> {
    observer: &'a dyn LoginObserver,
    outcome: Result<(), &'static str>,
}

impl<'a> Report<'a> {
    fn new(observer: &'a dyn LoginObserver) -> Self {
        Self { observer, outcome: Err("unavailable") }
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        self.observer.login_ended(self.outcome);
    }
}

impl AuthService {
    /// Checks a password and opens a session. An unknown email and a wrong password both return
    /// [`Error::InvalidCredentials`], after the same time. After too many failures from this address for this email,
    /// every login returns [`Error::RateLimited`].
    ///
    /// A user with a second factor also needs a code. Without one, [`Error::SecondFactorRequired`] is returned, but
    /// only if the password is correct; a wrong code is the same as a wrong password. The number of wrong authenticator
    /// codes per account is limited, whatever address they come from.
    ///
    /// If the password or the second factor changes during the check, no session is opened with the old credentials.
    pub async fn login(&self, login: Login, origin: &Origin) -> Result<LoggedIn, Error> {
        let mut report = Report::new(&*self.ports.logins);
        let result = self.check_and_open(&login, origin).await;
        report.outcome = result.as_ref().map(drop).map_err(Error::code);
        result
    }

    async fn check_and_open(&self, login: &Login, origin: &Origin) -> Result<LoggedIn, Error> {
        // The credentials may change between the check and the opening of the session. Then both are done once more.
        for _ in 0..2 {
            let (user, checked) = self.check(login, origin).await?;
            match self.open(user, checked, login, origin).await {
                Err(OpenError::Outdated) => tracing::info!("the credentials changed during a login"),
                opened => return Ok(opened?),
            }
        }
        Err(Error::InvalidCredentials)
    }

    async fn check(&self, login: &Login, origin: &Origin) -> Result<(User, CheckedCredentials), Error> {
        let attempt = self.ports.throttle.login(origin.address, &login.email).await?;
        let known = self.ports.users.credentials_by_email(&login.email).await?;
        let hash = known.as_ref().map(|known| known.password.clone());
        let right = self.ports.hasher.verify(&login.password, hash).await?;
        let Some(Credentials { user, password }) = known.filter(|_| right) else {
            // Not in the audit log, which anybody could fill with failed logins.
            tracing::warn!(address = %origin.address, "a login failed");
            attempt.failed().await?;
            return Err(Error::InvalidCredentials);
        };
        let second_factor = match self.ports.second_factors.find(user.id).await? {
            Some(SecondFactor::InForce { secret, .. }) => Some(secret),
            Some(SecondFactor::Pending(_)) | None => None,
        };
        if let Some(secret) = &second_factor {
            let code = login.code.as_ref().ok_or(Error::SecondFactorRequired)?;
            let guess = self.ports.throttle.code(user.id, code).await?;
            if !self.take_code(&user, secret, code, origin).await? {
                tracing::warn!(address = %origin.address, user = %user.id, "a code of a second factor was wrong");
                attempt.failed_with(guess).await?;
                return Err(Error::InvalidCredentials);
            }
        }
        Ok((user, CheckedCredentials { password, second_factor }))
    }

    /// Returns whether the code is valid. A valid code is consumed.
    async fn take_code(
        &self,
        user: &User,
        secret: &SealedSecret,
        code: &SecondFactorCode,
        origin: &Origin,
    ) -> Result<bool, Error> {
        let cause = self.cause(Who::User { id: user.id, session: None }, origin);
        take_code(&*self.ports.second_factors, &*self.ports.sealer, user.id, secret, code, &cause).await
    }

    async fn open(
        &self,
        user: User,
        checked: CheckedCredentials,
        login: &Login,
        origin: &Origin,
    ) -> Result<LoggedIn, OpenError> {
        let id = SessionId(self.ports.ids.next());
        let cause = self.cause(Who::User { id: user.id, session: Some(id) }, origin);
        let now = cause.at;
        let refresh = self.refresh_claims(&user, id, now);
        let device = Device { user_agent: login.user_agent.clone(), address: Some(origin.address) };
        let session = NewSession {
            id,
            user: user.id,
            device: device.clone(),
            refresh: self.state_of(&refresh)?,
            checked,
            new_device_mail: Some(self.ports.mails.new_login(user.id, now, device)?),
            cause,
        };
        self.ports.sessions.open(&session).await?;
        tracing::info!(user = %user.id, session = %id, "logged in");
        Ok(self.pair(user, &refresh, now)?)
    }
}
