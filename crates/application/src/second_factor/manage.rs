//! Setting up a second factor, and removing it.

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

/// How somebody stands with their second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// Whether a login asks for a code.
    pub enabled: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
}

/// A second factor that waits for its first code.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// What codes are made of.
    pub secret: TotpSecret,
    /// What an app calls the account.
    pub email: Email,
}

impl SecondFactorService {
    /// How the actor stands.
    pub async fn status(&self, actor: &Actor) -> Result<SecondFactorStatus, Error> {
        require_session(actor)?;
        Ok(match self.ports.factors.find(actor.user).await? {
            Some(SecondFactor::InForce { recovery_codes_left, .. }) => {
                SecondFactorStatus { enabled: true, recovery_codes_left }
            }
            Some(SecondFactor::Pending(_)) | None => SecondFactorStatus { enabled: false, recovery_codes_left: 0 },
        })
    }

    /// Hands out a secret, which is not in force before [`confirm`](Self::confirm); an earlier one that is pending is
    /// forgotten. It takes the password, for a session that somebody left open must not lock its owner out: a wrong one
    /// is a bad field, and counts as a failed login. [`Error::SecondFactorEnabled`] if one is in force.
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

    /// Brings the pending secret into force by a code of it, and hands out recovery codes. All other sessions of the
    /// actor end: they were opened with a password alone. A wrong code is a bad field, and counts as a failed login.
    /// [`Error::NotFound`] if nothing is pending, [`Error::SecondFactorEnabled`] if one is in force.
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

    /// Removes the actor's second factor, which takes their password and a code, be it a recovery code. Sessions stay.
    /// [`Error::NotFound`] if none is in force; a wrong password or code is a bad field, and a failed login.
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

    /// Removes the second factor of somebody who has lost it, for admins; not their own, for which they need a code.
    /// [`Error::NotFound`] if they have none.
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

    /// The secret of a factor that is in force; [`Error::NotFound`] if none is.
    pub(super) async fn in_force(&self, user: UserId) -> Result<SealedSecret, Error> {
        match self.ports.factors.find(user).await? {
            Some(SecondFactor::InForce { secret, .. }) => Ok(secret),
            Some(SecondFactor::Pending(_)) | None => Err(Error::NotFound),
        }
    }

    /// The actor's account, and a guess that they may make from there.
    pub(super) async fn attempt(&self, actor: &Actor, origin: &Origin) -> Result<(Credentials, Attempt<'_>), Error> {
        let known = self.ports.users.credentials(actor.user).await?.ok_or(Error::NotFound)?;
        let attempt = self.ports.throttle.login(origin.address, &known.user.email).await?;
        Ok((known, attempt))
    }

    /// Gives the guess back if the password is right.
    async fn prove<'a>(&self, known: &Credentials, password: &str, attempt: Attempt<'a>) -> Result<Attempt<'a>, Error> {
        let guess = self.ports.throttle.password(known.user.id).await?;
        if self.ports.hasher.verify(password, Some(known.password.clone())).await? {
            return Ok(attempt);
        }
        attempt.failed_with(Some(guess)).await?;
        Err(Error::field("currentPassword", "is wrong"))
    }

    /// Takes a code, which is good no more afterwards.
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
