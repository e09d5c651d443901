//! Checks and consumes codes.

use entrepot_domain::{
    Fault, UserId,
    audit::Cause,
    second_factor::{SealedSecret, Sealer, SecondFactorCode, SecondFactorRepository, TotpSecret},
};

use crate::Error;

/// Returns whether the code is valid for a user with an enabled second factor. A valid code is consumed, on all
/// instances.
pub(crate) async fn take_code(
    factors: &dyn SecondFactorRepository,
    sealer: &dyn Sealer,
    user: UserId,
    kept: &SealedSecret,
    code: &SecondFactorCode,
    cause: &Cause,
) -> Result<bool, Error> {
    match code {
        SecondFactorCode::Totp(code) => {
            let secret = open(sealer, user, kept)?;
            match secret.and_then(|secret| secret.check(code, cause.at)) {
                Some(step) => Ok(factors.take_step(user, step).await?),
                None => Ok(false),
            }
        }
        SecondFactorCode::Recovery(code) => Ok(factors.take_recovery_code(user, code.hash(user), cause).await?),
    }
}

/// Unseals a secret. If that fails, logs an error for the operator and returns `None`: no authenticator code is valid
/// then, but recovery codes are.
pub(super) fn open(sealer: &dyn Sealer, user: UserId, kept: &SealedSecret) -> Result<Option<TotpSecret>, Fault> {
    let secret = sealer.open(user, kept)?.and_then(|secret| TotpSecret::from_bytes(&secret));
    if secret.is_none() {
        tracing::error!(%user, "the secret of a second factor cannot be decrypted; was the secret of the configuration replaced?");
    }
    Ok(secret)
}
