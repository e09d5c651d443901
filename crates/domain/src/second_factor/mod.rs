//! A second proof of who somebody is, beside their password: codes of an authenticator app (RFC 6238), and recovery codes
//! for when the app is lost.

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

/// The secret of an authenticator app as it is kept: sealed, so that whoever reads the store alone cannot make codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret(pub Vec<u8>);

/// How far somebody has come with a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondFactor {
    /// A secret was handed out, but no code came back yet: a login asks for none.
    Pending(SealedSecret),
    /// Enabled: logins need a code.
    InForce { secret: SealedSecret, recovery_codes_left: u32 },
}

/// What somebody typed in the place of a code.
#[derive(Clone, PartialEq, Eq)]
pub enum SecondFactorCode {
    /// Six digits, from an app.
    Totp(TotpCode),
    /// A recovery code.
    Recovery(RecoveryCode),
}

impl SecondFactorCode {
    /// Reads either; spaces and hyphens do not count.
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

/// The second factor as it comes into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The pending secret that the code was made of: if another one took its place meanwhile, nothing comes into force.
    pub secret: SealedSecret,
    /// When the code was good; neither it nor an earlier one is taken again.
    pub step: TimeStep,
    /// The recovery codes.
    pub recovery: Vec<RecoveryHash>,
    /// The session that stays: all others were opened with a password alone.
    pub keep: SessionId,
}
