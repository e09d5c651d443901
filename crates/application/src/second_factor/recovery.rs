//! Recovery codes.

use entrepot_domain::{
    audit::Origin,
    auth::Actor,
    second_factor::{RecoveryCode, RecoveryHash, SecondFactorCode},
};

use super::SecondFactorService;
use crate::{Error, permission::require_session};

impl SecondFactorService {
    /// Replaces all remaining recovery codes. Requires a code; a wrong one is a validation error and counts as a failed
    /// login. Returns [`Error::NotFound`] if no second factor is enabled.
    pub async fn renew_recovery_codes(
        &self,
        actor: &Actor,
        code: &SecondFactorCode,
        origin: &Origin,
    ) -> Result<Vec<RecoveryCode>, Error> {
        require_session(actor)?;
        let kept = self.in_force(actor.user).await?;
        let (_, attempt) = self.attempt(actor, origin).await?;
        self.take(actor, &kept, code, attempt, origin).await?;
        let codes = self.recovery_codes()?;
        let hashes: Vec<RecoveryHash> = codes.iter().map(|code| code.hash(actor.user)).collect();
        if !self.ports.factors.renew_recovery_codes(actor.user, &hashes, &self.cause(actor, origin)).await? {
            return Err(Error::NotFound);
        }
        tracing::info!(user = %actor.user, "recovery codes renewed");
        Ok(codes)
    }

    pub(super) fn recovery_codes(&self) -> Result<Vec<RecoveryCode>, Error> {
        let random = &self.ports.random;
        Ok(RecoveryCode::from_random(&[random.bytes()?, random.bytes()?, random.bytes()?, random.bytes()?]))
    }
}
