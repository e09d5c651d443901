//! Second factors: codes of an authenticator app (RFC 6238), and recovery codes in case the app is lost.

mod audit;
mod base32;
mod port;
mod recovery;
mod totp;

#[cfg(feature = "mock")]
pub use port::{MockSealer, MockSecondFactorRepository};
pub use port::{Sealer, SecondFactorRepository};
pub use recovery::{RecoveryCode, RecoveryHash};
pub use totp::{TimeStep, TotpCode, TotpSecret};

use crate::{Invalid, SessionId};

/// The sealed secret of an authenticator app: it cannot be read from the store alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret(pub Vec<u8>);

/// The state of a user's second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondFactor {
    /// A secret was issued, but not confirmed with a code. Logins need no code.
    Pending(SealedSecret),
    /// Enabled: logins need a code.
    InForce { secret: SealedSecret, recovery_codes_left: u32 },
}

/// A code of either kind.
#[derive(Clone, PartialEq, Eq)]
pub enum SecondFactorCode {
    /// A code of an authenticator app.
    Totp(TotpCode),
    Recovery(RecoveryCode),
}

impl SecondFactorCode {
    /// Parses either kind, ignoring spaces and hyphens.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if let Ok(code) = TotpCode::parse(text) {
            return Ok(Self::Totp(code));
        }
        let code = RecoveryCode::parse(text);
        code.map(Self::Recovery).map_err(|_| Invalid::new("must be the six digits of an app, or a recovery code"))
    }
}

impl std::fmt::Debug for SecondFactorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecondFactorCode(…)")
    }
}

/// The data that enables a pending second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The pending secret that the code belongs to. If it was replaced meanwhile, nothing is enabled.
    pub secret: SealedSecret,
    /// The time step of the code. Neither this code nor an earlier one is accepted again.
    pub step: TimeStep,
    pub recovery: Vec<RecoveryHash>,
    /// The session that is not ended. All others were opened with a password alone.
    pub keep: SessionId,
}
