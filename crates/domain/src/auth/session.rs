//! Sessions, and the refresh tokens that extend them.

use std::{net::IpAddr, time::Duration};

use uuid::Uuid;

use super::{PasswordHash, TokenHash};
use crate::{Fault, SessionId, Timestamp, UserId, audit::Cause, job::NewJob, second_factor::SealedSecret};

/// The client that opened a session, as far as the edge knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The `User-Agent`, cut to 256 characters.
    pub user_agent: Option<String>,
    pub address: Option<IpAddr>,
}

impl Device {
    /// What a device is recognised by: its `User-Agent`. Addresses of one device change too often.
    pub fn identity(&self) -> TokenHash {
        TokenHash::of(self.user_agent.as_deref().unwrap_or_default())
    }
}

/// How many devices of a user are remembered: those that were used last.
pub const MAX_KNOWN_DEVICES: u32 = 32;

/// The current refresh token of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshState {
    /// The hash of the token, which is not stored.
    pub hash: TokenHash,
    /// Its `jti`.
    pub id: Uuid,
    /// Its `iat`; whole seconds.
    pub issued_at: Timestamp,
    /// Its `exp`, which is also when the session ends if nobody refreshes it; whole seconds.
    pub expires_at: Timestamp,
}

/// The credentials that a login checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedCredentials {
    /// The hash that the password matched.
    pub password: PasswordHash,
    /// The enabled second factor whose code was checked; `None` if none was enabled.
    pub second_factor: Option<SealedSecret>,
}

impl CheckedCredentials {
    /// Returns whether the credentials are still valid, given the present password hash, which erased users do not
    /// have, and the enabled second factor. A second factor that was checked and has been removed since is no reason to
    /// refuse: the password alone suffices then.
    pub fn still_holds(&self, password: Option<&str>, in_force: Option<&[u8]>) -> bool {
        let known = self.second_factor.as_ref().map(|checked| &*checked.0);
        password == Some(self.password.0.as_str()) && (in_force.is_none() || in_force == known)
    }
}

/// A session to be inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub id: SessionId,
    pub user: UserId,
    pub device: Device,
    /// Its first refresh token.
    pub refresh: RefreshState,
    /// The credentials that must still be valid at the insertion.
    pub checked: CheckedCredentials,
    /// The mail about a login from a device that the user has not used before; `None` sends none.
    pub new_device_mail: Option<NewJob>,
    /// The context; the session begins at its time.
    pub cause: Cause,
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The password changed, another second factor is enabled, or the user was erased.
    #[error("what was checked does not hold any more")]
    Outdated,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub device: Device,
    pub created_at: Timestamp,
    /// The time of the last refresh.
    pub last_used_at: Timestamp,
    /// When the session ends, unless it is refreshed.
    pub expires_at: Timestamp,
}

/// The use of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The session in the token's claims.
    pub session: SessionId,
    /// The hash of the presented token.
    pub presented: TokenHash,
    /// The token that replaces it.
    pub next: RefreshState,
    /// The context of the change.
    pub cause: Cause,
    /// How long after a rotation the previous token returns the same successor again; zero disables this.
    pub grace: Duration,
}

/// The result of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    pub user: UserId,
    /// The current token: `next`, or within the grace period the successor that exists already.
    pub refresh: RefreshState,
}

/// Why a refresh token was refused.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is no such session, it has ended, or its user was erased.
    #[error("the session is over")]
    Ended,
    /// The token was used before. The session was ended for it, because the holder of its successor may be a thief (RFC
    /// 9700 4.14.2).
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
