//! Enables and removes second factors.

use entrepot_domain::{
    Email, UserId,
    audit::Origin,
    auth::Actor,
    second_factor::{Confirmation, RecoveryCode, SealedSecret, SecondFactor, SecondFactorCode, TotpCode, TotpSecret},
    user::Credentials,
};

use super::{
    SecondFactorService,
    code::{open, take_code},
};
use crate::{Error, permission::require_session, throttle::Attempt};

/// The state of a user's second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// Whether a login needs a code.
    pub enabled: bool,
    pub recovery_codes_left: u32,
}

/// A pending second factor, to be added to an authenticator app.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub secret: TotpSecret,
    /// The name of the account in the app.
    pub email: Email,
}

impl SecondFactorService {
    /// Returns the state of the actor's second factor.
    pub async fn status(&self, actor: &Actor) -> Result<SecondFactorStatus, Error> {
        require_session(actor)?;
        Ok(match self.ports.factors.find(actor.user).await? {
            Some(SecondFactor::InForce { recovery_codes_left, .. }) => {
                SecondFactorStatus { enabled: true, recovery_codes_left }
            }
            Some(SecondFactor::Pending(_)) | None => SecondFactorStatus { enabled: false, recovery_codes_left: 0 },
        })
    }

    /// Creates a pending secret, in place of an earlier pending one; [`confirm`](Self::confirm) enables it. Requires
    /// the password, so that an unattended session cannot be used to lock the owner out. A wrong password is a
    /// validation error and counts as a failed login. Returns [`Error::SecondFactorEnabled`] if a second factor is
    /// enabled.
    pub async fn begin(&self, actor: &Actor, password: &str, origin: &Origin) -> Result<Enrolment, Error> {
        require_session(actor)?;
        let (known, attempt) = self.attempt(actor, origin).await?;
        let attempt = self.prove(&known, password, attempt).await?;
        drop(attempt);
        let secret = TotpSecret::from_random(&self.ports.random.bytes()?);
        let kept = self.ports.sealer.seal(actor.user, secret.expose())?;
        if !self.ports.factors.begin(actor.user, &kept, self.ports.clock.now()).await? {
            return Err(Error::SecondFactorEnabled);
        }
        Ok(Enrolment { secret, email: known.user.email })
    }

    /// Enables the pending second factor with one of its codes, and returns recovery codes. Ends all other sessions of
    /// the actor, because they were opened with a password alone. A wrong code is a validation error and counts as a
    /// failed login. Returns [`Error::NotFound`] if none is pending, [`Error::SecondFactorEnabled`] if one is enabled.
    pub async fn confirm(&self, actor: &Actor, code: &TotpCode, origin: &Origin) -> Result<Vec<RecoveryCode>, Error> {
        let keep = require_session(actor)?;
        let kept = match self.ports.factors.find(actor.user).await? {
            Some(SecondFactor::Pending(kept)) => kept,
            Some(SecondFactor::InForce { .. }) => return Err(Error::SecondFactorEnabled),
            None => return Err(Error::NotFound),
        };
        let (_, attempt) = self.attempt(actor, origin).await?;
        let cause = self.cause(actor, origin);
        let secret = open(&*self.ports.sealer, actor.user, &kept)?.ok_or(Error::NotFound)?;
        let guess = self.ports.throttle.totp(actor.user).await?;
        let Some(step) = secret.check(code, cause.at) else {
            attempt.failed_with(Some(guess)).await?;
            return Err(Error::field("code", "is wrong"));
        };
        drop((attempt, guess));
        let codes = self.recovery_codes()?;
        let recovery = codes.iter().map(|code| code.hash(actor.user)).collect();
        let confirmation = Confirmation { secret: kept, step, recovery, keep };
        let ended = self.ports.factors.confirm(actor.user, &confirmation, &cause).await?.ok_or(Error::NotFound)?;
        tracing::info!(user = %actor.user, ended = ended.len(), "second factor enabled");
        Ok(codes)
    }

    /// Removes the actor's second factor. Requires their password and a code, which may be a recovery code. Keeps the
    /// sessions. Returns [`Error::NotFound`] if none is enabled. A wrong password or code is a validation error and
    /// counts as a failed login.
    pub async fn remove(
        &self,
        actor: &Actor,
        password: &str,
        code: &SecondFactorCode,
        origin: &Origin,
    ) -> Result<(), Error> {
        require_session(actor)?;
        let kept = self.in_force(actor.user).await?;
        let (known, attempt) = self.attempt(actor, origin).await?;
        let attempt = self.prove(&known, password, attempt).await?;
        self.take(actor, &kept, code, attempt, origin).await?;
        if !self.ports.factors.remove(actor.user, &self.cause(actor, origin)).await? {
            return Err(Error::NotFound);
        }
        tracing::info!(user = %actor.user, "second factor removed");
        Ok(())
    }

    /// Removes the second factor of another user, for admins. For their own, admins need a code. Returns
    /// [`Error::NotFound`] if the user has none.
    pub async fn remove_of(&self, actor: &Actor, user: UserId, origin: &Origin) -> Result<(), Error> {
        require_session(actor)?;
        if !actor.is_admin() || actor.is(user) {
            return Err(Error::Forbidden);
        }
        if !self.ports.factors.remove(user, &self.cause(actor, origin)).await? {
            return Err(Error::NotFound);
        }
        tracing::info!(%user, actor = %actor.user, "second factor removed by an admin");
        Ok(())
    }

    /// Returns the secret of an enabled second factor, or [`Error::NotFound`].
    pub(super) async fn in_force(&self, user: UserId) -> Result<SealedSecret, Error> {
        match self.ports.factors.find(user).await? {
            Some(SecondFactor::InForce { secret, .. }) => Ok(secret),
            Some(SecondFactor::Pending(_)) | None => Err(Error::NotFound),
        }
    }

    /// Returns the actor's credentials, and starts a throttled attempt.
    pub(super) async fn attempt(&self, actor: &Actor, origin: &Origin) -> Result<(Credentials, Attempt<'_>), Error> {
        let known = self.ports.users.credentials(actor.user).await?.ok_or(Error::NotFound)?;
        let attempt = self.ports.throttle.login(origin.address, &known.user.email).await?;
        Ok((known, attempt))
    }

    /// Checks the password and returns the attempt; a wrong password counts as a failure.
    async fn prove<'a>(&self, known: &Credentials, password: &str, attempt: Attempt<'a>) -> Result<Attempt<'a>, Error> {
        let guess = self.ports.throttle.password(known.user.id).await?;
        if self.ports.hasher.verify(password, Some(known.password.clone())).await? {
            return Ok(attempt);
        }
        attempt.failed_with(Some(guess)).await?;
        Err(Error::field("currentPassword", "is wrong"))
    }

    /// Checks and consumes a code; a wrong code counts as a failure.
    pub(super) async fn take(
        &self,
        actor: &Actor,
        kept: &SealedSecret,
        code: &SecondFactorCode,
        attempt: Attempt<'_>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let guess = self.ports.throttle.code(actor.user, code).await?;
        let (factors, sealer) = (&*self.ports.factors, &*self.ports.sealer);
        if take_code(factors, sealer, actor.user, kept, code, &self.cause(actor, origin)).await? {
            return Ok(());
        }
        attempt.failed_with(guess).await?;
        Err(Error::field("code", "is wrong"))
    }
}
