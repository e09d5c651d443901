//! Taking a code, once.

use entrepot_domain::{
    Fault, UserId,
    audit::Cause,
    second_factor::{SealedSecret, Sealer, SecondFactorCode, SecondFactorRepository, TotpSecret},
};

use crate::Error;

/// Whether the code is good for a user whose factor is in force. A good one is taken by that, on every instance.
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

/// The secret behind a seal. One that cannot be opened is told to the operator, and no code is good for it; recovery
/// codes are.
pub(super) fn open(sealer: &dyn Sealer, user: UserId, kept: &SealedSecret) -> Result<Option<TotpSecret>, Fault> {
    let secret = sealer.open(user, kept)?.and_then(|secret| TotpSecret::from_bytes(&secret));
    if secret.is_none() {
        tracing::error!(%user, "the secret of a second factor cannot be decrypted; was the secret of the configuration replaced?");
    }
    Ok(secret)
}
