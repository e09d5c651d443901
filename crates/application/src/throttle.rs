//! Limits wrong passwords and codes.

use std::{net::IpAddr, sync::Arc};

use entrepot_domain::{
    Email, Quota, RateLimiter, StripeGuard, StripedLock, Subject, UserId, second_factor::SecondFactorCode,
};

use crate::Error;

/// Limits failed attempts. Attempts of one kind for one subject run one after another, so that a hundred concurrent
/// attempts do not all start before the first failure is counted.
///
/// Passwords are limited per address and email: with a limit per email alone, anybody could lock any account. Someone
/// who knows the password and guesses codes, or holds a session and guesses the password, is also limited per account,
/// whatever addresses they use. Recovery codes, which cannot be guessed, are not counted per account, so that the owner
/// can always log in with one and change the password.
pub struct LoginThrottle {
    limiter: Arc<dyn RateLimiter>,
    quota: Option<Quota>,
    logins: StripedLock,
    passwords: StripedLock,
    codes: StripedLock,
}

/// An attempt that is allowed. Dropping it counts nothing, as for a correct password or code.
pub(crate) struct Attempt<'a> {
    throttle: &'a LoginThrottle,
    subject: Subject,
    _running: Option<StripeGuard<'a>>,
}

impl LoginThrottle {
    /// Creates a throttle. `None` disables it.
    pub fn new(limiter: Arc<dyn RateLimiter>, quota: Option<Quota>) -> Self {
        Self { limiter, quota, logins: StripedLock::new(), passwords: StripedLock::new(), codes: StripedLock::new() }
    }

    /// Starts an attempt to authenticate as the user with this email. Waits until earlier attempts have ended. Returns
    /// [`Error::RateLimited`] after too many failures.
    pub(crate) async fn login(&self, address: IpAddr, email: &Email) -> Result<Attempt<'_>, Error> {
        self.attempt(Subject::login(address, email), &self.logins).await
    }

    /// Starts an attempt with the password of a logged-in user. To be called after [`login`](Self::login).
    pub(crate) async fn password(&self, user: UserId) -> Result<Attempt<'_>, Error> {
        self.attempt(Subject::Password(user), &self.passwords).await
    }

    /// Starts an attempt with an authenticator code. To be called after the others.
    pub(crate) async fn totp(&self, user: UserId) -> Result<Attempt<'_>, Error> {
        self.attempt(Subject::Code(user), &self.codes).await
    }

    /// Starts an attempt with any code; `None` for a recovery code, which is not limited per account.
    pub(crate) async fn code(&self, user: UserId, code: &SecondFactorCode) -> Result<Option<Attempt<'_>>, Error> {
        match code {
            SecondFactorCode::Totp(_) => self.totp(user).await.map(Some),
            SecondFactorCode::Recovery(_) => Ok(None),
        }
    }

    async fn attempt<'a>(&'a self, subject: Subject, running: &'a StripedLock) -> Result<Attempt<'a>, Error> {
        let Some(quota) = self.quota else {
            return Ok(Attempt { throttle: self, subject, _running: None });
        };
        let running = running.lock(&subject).await;
        let decision = self.limiter.peek(&subject, quota).await;
        if !decision.allowed {
            if let Subject::Password(user) | Subject::Code(user) = subject {
                tracing::warn!(%user, limit = subject.limit(), "too many wrong passwords or codes for an account");
            }
            return Err(Error::RateLimited { limit: subject.limit(), retry_after: decision.resets_in });
        }
        Ok(Attempt { throttle: self, subject, _running: running })
    }
}

impl Attempt<'_> {
    /// Counts a failure. Returns [`Error::RateLimited`] if another instance has reached the limit meanwhile.
    pub(crate) async fn failed(self) -> Result<(), Error> {
        let Some(quota) = self.throttle.quota else {
            return Ok(());
        };
        let decision = self.throttle.limiter.hit(&self.subject, quota).await;
        if decision.allowed {
            return Ok(());
        }
        Err(Error::RateLimited { limit: self.subject.limit(), retry_after: decision.resets_in })
    }

    /// Counts a failure for two subjects.
    pub(crate) async fn failed_with(self, other: Option<Self>) -> Result<(), Error> {
        let first = self.failed().await;
        match other {
            Some(other) => first.and(other.failed().await),
            None => first,
        }
    }
}
