//! How often somebody may guess a password, or a code.

use std::{net::IpAddr, sync::Arc};

use entrepot_domain::{
    Email, Quota, RateLimiter, StripeGuard, StripedLock, Subject, UserId, second_factor::SecondFactorCode,
};

use crate::Error;

/// Bounds wrong guesses. Guesses of one kind at one thing run one after another, so that a hundred that are sent at once
/// are not all let through before the first one failed.
///
/// Passwords are bounded for an address and email: with a bound for the email alone, anybody could lock anybody out. Who
/// has come further is bounded for the account too, however many addresses they have: who knows the password and guesses
/// codes, and who holds a session and guesses the password. Of recovery codes, which nobody can guess, the account counts
/// none: with one of them its owner comes in, whatever somebody else guesses, and takes another password.
pub struct LoginThrottle {
    limiter: Arc<dyn RateLimiter>,
    quota: Option<Quota>,
    logins: StripedLock,
    passwords: StripedLock,
    codes: StripedLock,
}

/// A guess that may be made. Dropped, it was a right one, and counts nothing.
pub(crate) struct Attempt<'a> {
    throttle: &'a LoginThrottle,
    subject: Subject,
    _running: Option<StripeGuard<'a>>,
}

impl LoginThrottle {
    /// `None` bounds nothing.
    pub fn new(limiter: Arc<dyn RateLimiter>, quota: Option<Quota>) -> Self {
        Self { limiter, quota, logins: StripedLock::new(), passwords: StripedLock::new(), codes: StripedLock::new() }
    }

    /// A guess at whatever proves that somebody is the user with that email. Waits for its turn;
    /// [`Error::RateLimited`] after too many failures.
    pub(crate) async fn login(&self, address: IpAddr, email: &Email) -> Result<Attempt<'_>, Error> {
        self.attempt(Subject::login(address, email), &self.logins).await
    }

    /// The same of the password of a user who is logged in; to be asked for behind [`login`](Self::login).
    pub(crate) async fn password(&self, user: UserId) -> Result<Attempt<'_>, Error> {
        self.attempt(Subject::Password(user), &self.passwords).await
    }

    /// The same of the code of an app; to be asked for behind the others.
    pub(crate) async fn totp(&self, user: UserId) -> Result<Attempt<'_>, Error> {
        self.attempt(Subject::Code(user), &self.codes).await
    }

    /// The same of any code; `None` of one that the account does not bound.
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
    /// Counts a wrong guess; [`Error::RateLimited`] if another instance let too many through in the meantime.
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

    /// Counts a wrong guess that is bounded twice.
    pub(crate) async fn failed_with(self, other: Option<Self>) -> Result<(), Error> {
        let first = self.failed().await;
        match other {
            Some(other) => first.and(other.failed().await),
            None => first,
        }
    }
}
