//! Where second factors are kept, and what hides their secrets.

use async_trait::async_trait;

use super::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, TimeStep};
use crate::{Fault, SessionId, Timestamp, UserId, audit::Cause};

/// Keeps second factors. Every method is atomic. A user has at most one; it goes with the user.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SecondFactorRepository: Send + Sync {
    /// The second factor of a user; `None` if they have none, not even a pending one.
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Fault>;

    /// Keeps a secret that is pending, in the place of one that was; false if one is in force, which stays.
    /// [`Fault::Unknown`] if the user does not exist.
    async fn begin(&self, user: UserId, secret: &SealedSecret, now: Timestamp) -> Result<bool, Fault>;

    /// Brings the pending secret into force, with its recovery codes, and ends all sessions of the user but the one to
    /// keep; they are returned. `None` if that very secret is not pending. Of two at once, one does.
    async fn confirm(
        &self,
        user: UserId,
        confirmation: &Confirmation,
        cause: &Cause,
    ) -> Result<Option<Vec<SessionId>>, Fault>;

    /// Takes the code of a step, once: false if the factor is not in force, or if the code of that step or of a later
    /// one was taken before. Of two at once with the same code, one is true.
    async fn take_step(&self, user: UserId, step: TimeStep) -> Result<bool, Fault>;

    /// Takes a recovery code, once: false if the user has no such code left. Of two at once, one is true.
    async fn take_recovery_code(&self, user: UserId, code: RecoveryHash, cause: &Cause) -> Result<bool, Fault>;

    /// Puts these recovery codes in the place of all that are left; false if no factor is in force.
    async fn renew_recovery_codes(&self, user: UserId, codes: &[RecoveryHash], cause: &Cause) -> Result<bool, Fault>;

    /// Removes a factor that is in force or pending, with its recovery codes; false if there is none. Of a pending one the
    /// audit log says nothing: it changed nothing.
    async fn remove(&self, user: UserId, cause: &Cause) -> Result<bool, Fault>;
}

/// Seals what has to be read again, so that a store holds nothing that is worth reading.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Sealer: Send + Sync {
    /// Seals a secret for its user: for another one it cannot be opened.
    fn seal(&self, user: UserId, secret: &[u8]) -> Result<SealedSecret, Fault>;

    /// Opens what was sealed for that user; `None` if it was not, was changed, or was sealed with a key that is not
    /// known any more.
    fn open(&self, user: UserId, sealed: &SealedSecret) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Fault>;
}
