//! How often somebody may guess a password.

use std::{net::IpAddr, sync::Arc};

use async_lock::MutexGuard;
use entrepot_domain::{Email, Quota, RateLimiter, Subject};

use crate::{Error, stripes::Stripes};

/// Bounds failed guesses for an address and email. Tries for one email from one address run one after another, so that
/// a hundred guesses sent at once are not all let through before the first one failed.
pub struct LoginThrottle {
    limiter: Arc<dyn RateLimiter>,
    quota: Option<Quota>,
    running: Stripes,
}

/// A guess that may be made. Dropped, it was a right one, and counts nothing.
pub(crate) struct Attempt<'a> {
    throttle: &'a LoginThrottle,
    subject: Subject,
    _running: Option<MutexGuard<'a, ()>>,
}

impl LoginThrottle {
    /// `None` bounds nothing.
    pub fn new(limiter: Arc<dyn RateLimiter>, quota: Option<Quota>) -> Self {
        Self { limiter, quota, running: Stripes::new() }
    }

    /// Waits for its turn; [`Error::RateLimited`] after too many failures.
    pub(crate) async fn attempt(&self, address: IpAddr, email: &Email) -> Result<Attempt<'_>, Error> {
        let subject = Subject::Login { address, email: email.folded() };
        let Some(quota) = self.quota else {
            return Ok(Attempt { throttle: self, subject, _running: None });
        };
        let running = self.running.hold(&subject).await;
        let verdict = self.limiter.peek(&subject, quota).await;
        if !verdict.allowed {
            return Err(Error::RateLimited { retry_after: verdict.resets_in });
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
        let verdict = self.throttle.limiter.hit(&self.subject, quota).await;
        if verdict.allowed { Ok(()) } else { Err(Error::RateLimited { retry_after: verdict.resets_in }) }
    }
}
