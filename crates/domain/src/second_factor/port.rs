//! The repository of second factors, and the port that seals their secrets.

use async_trait::async_trait;

use super::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, TimeStep};
use crate::{Fault, SessionId, Timestamp, UserId, audit::Cause};

/// Stores second factors. Every method is atomic. A user has at most one; it is erased with the user.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SecondFactorRepository: Send + Sync {
    /// Returns the second factor of a user, enabled or pending.
    async fn find(&self, user: UserId) -> Result<Option<SecondFactor>, Fault>;

    /// Stores a pending secret, in place of an earlier pending one. Returns false if one is enabled, which stays.
    /// [`Fault::Unknown`] if the user does not exist.
    async fn begin(&self, user: UserId, secret: &SealedSecret, now: Timestamp) -> Result<bool, Fault>;

    /// Enables the pending secret, stores its recovery codes, and ends all sessions of the user but the one to keep;
    /// returns the ended ones. `None` if exactly that secret is not pending. Of two concurrent calls, one succeeds.
    async fn confirm(
        &self,
        user: UserId,
        confirmation: &Confirmation,
        cause: &Cause,
    ) -> Result<Option<Vec<SessionId>>, Fault>;

    /// Consumes the code of a time step. Returns false if no second factor is enabled, or if the code of this or a
    /// later step was consumed before. Of two concurrent calls with the same code, one returns true.
    async fn take_step(&self, user: UserId, step: TimeStep) -> Result<bool, Fault>;

    /// Consumes a recovery code. Returns false if the user has no such code. Of two concurrent calls, one returns true.
    async fn take_recovery_code(&self, user: UserId, code: RecoveryHash, cause: &Cause) -> Result<bool, Fault>;

    /// Replaces all remaining recovery codes. Returns false if no second factor is enabled.
    async fn renew_recovery_codes(&self, user: UserId, codes: &[RecoveryHash], cause: &Cause) -> Result<bool, Fault>;

    /// Removes an enabled or pending second factor with its recovery codes. Returns false if there is none. Removing a
    /// pending one is not audited, because it had no effect.
    async fn remove(&self, user: UserId, cause: &Cause) -> Result<bool, Fault>;
}

/// Encrypts secrets that have to be read again, so that they cannot be read from the store alone.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Sealer: Send + Sync {
    /// Encrypts a secret for its user: it cannot be opened for another one.
    fn seal(&self, user: UserId, secret: &[u8]) -> Result<SealedSecret, Fault>;

    /// Decrypts a secret; `None` if it was sealed for another user, was changed, or was sealed with a key that is not
    /// known any more.
    fn open(&self, user: UserId, sealed: &SealedSecret) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Fault>;
}
