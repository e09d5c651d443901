//! Logins, and the refresh tokens that keep them alive.

use std::{net::IpAddr, time::Duration};

use uuid::Uuid;

use super::{PasswordHash, TokenHash};
use crate::{Fault, SessionId, Timestamp, UserId, audit::Cause, second_factor::SealedSecret};

/// From where somebody logged in, as far as the edge can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// What the client calls itself, cut to 256 characters.
    pub user_agent: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
}

/// The one refresh token of a session that is good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshState {
    /// All that is kept of the token.
    pub hash: TokenHash,
    /// Its `jti`.
    pub id: Uuid,
    /// Its `iat`; whole seconds.
    pub issued_at: Timestamp,
    /// Its `exp`, which is also when the session ends if nobody refreshes it; whole seconds.
    pub expires_at: Timestamp,
}

/// What let somebody in, as it was when it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedCredentials {
    /// What their password was checked against.
    pub password: PasswordHash,
    /// The second factor whose code they had; `None` if none was in force.
    pub second_factor: Option<SealedSecret>,
}

impl CheckedCredentials {
    /// Whether it would let them in now: with this password, which the erased have not, and this second factor in force.
    /// One that was checked and is not in force any more is no reason against it: the password alone is enough then.
    pub fn still_holds(&self, password: Option<&str>, in_force: Option<&[u8]>) -> bool {
        let known = self.second_factor.as_ref().map(|checked| &*checked.0);
        password == Some(self.password.0.as_str()) && (in_force.is_none() || in_force == known)
    }
}

/// A login to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Names it.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// From where.
    pub device: Device,
    /// Its first refresh token.
    pub refresh: RefreshState,
    /// What must still hold when it is kept.
    pub checked: CheckedCredentials,
    /// Why; it begins when that happens.
    pub cause: Cause,
}

/// Why a login was not kept.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The password is another one by now, another second factor is in force, or the user is gone.
    #[error("what was checked does not hold any more")]
    Outdated,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A login that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// From where.
    pub device: Device,
    /// When they logged in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
}

/// One use of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The session that the token names.
    pub session: SessionId,
    /// The token that was shown.
    pub presented: TokenHash,
    /// The one to replace it.
    pub next: RefreshState,
    /// Why, and when.
    pub cause: Cause,
    /// How long after a rotation the predecessor may fetch the same successor again; zero is never.
    pub grace: Duration,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Whose session it is.
    pub user: UserId,
    /// The token that is good now: `next`, or within the grace the successor that was made before.
    pub refresh: RefreshState,
}

/// Why a refresh token was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is no such session, or it is over, or its user is gone.
    #[error("the session is over")]
    Ended,
    /// The token was used before. The session is over with that: whoever holds its successor may be a thief
    /// (RFC 9700 4.14.2).
    #[error("the refresh token was used before")]
    Reused,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_credentials_hold_while_they_would_be_accepted() {
        let checked = |factor: Option<&[u8]>| CheckedCredentials {
            password: PasswordHash("hash".into()),
            second_factor: factor.map(|sealed| SealedSecret(sealed.into())),
        };
        assert!(checked(None).still_holds(Some("hash"), None));
        assert!(checked(Some(b"a")).still_holds(Some("hash"), Some(b"a")));
        assert!(checked(Some(b"a")).still_holds(Some("hash"), None), "the password alone is enough now");
        assert!(!checked(None).still_holds(Some("hash"), Some(b"a")), "it came into force");
        assert!(!checked(Some(b"a")).still_holds(Some("hash"), Some(b"b")), "it is another one");
        assert!(!checked(None).still_holds(Some("other"), None) && !checked(None).still_holds(None, None));
    }
}
