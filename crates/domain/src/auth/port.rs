//! The repository of sessions, and the ports that create and verify credentials.

use async_trait::async_trait;

use super::{
    Access, AccessClaims, NewSession, OpenError, PasswordHash, PlainPassword, PublicKey, RefreshClaims, RotateError,
    Rotated, Rotation, Session, TokenError, TokenHash,
};
use crate::{Fault, SessionId, Timestamp, UserId, audit::Cause};

/// Stores sessions. Every method is atomic. A session is live until it is ended or its refresh token expires.
///
/// Opening and ending a session is audited, in the same transaction. A rotation is not, unless it ends the session.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Inserts a session, if its checked credentials are still valid. Returns [`OpenError::Outdated`] if they are not,
    /// or if the user does not exist. A new password or second factor ends all earlier sessions, and hashing takes
    /// time: without this check, a login that began before such a change would open a session after it.
    ///
    /// A second factor that was checked and has been removed since is no reason to refuse: the password alone suffices
    /// now.
    ///
    /// The user's devices are remembered, also after their sessions. If the user has used others before, but not this
    /// one, `new_device_mail` is queued.
    async fn open(&self, new: &NewSession) -> Result<(), OpenError>;

    /// Replaces the presented refresh token with `next`, if it is the current one.
    ///
    /// The previous token returns the current one again, within `grace` of its rotation. Any other token of the session
    /// ends the session and returns [`RotateError::Reused`]. Of two concurrent rotations of the same token, one
    /// succeeds.
    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError>;

    /// Returns the user and roles of a session; `None` if it is not live at `now` or its user was erased.
    async fn access(&self, id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault>;

    /// Lists the live sessions of a user, the last used first.
    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault>;

    /// Ends a session of a user. Returns false if the user has no such live session.
    async fn end(&self, user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault>;

    /// Ends all sessions of a user, and returns those that were live.
    async fn end_all(&self, user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault>;
}

/// Hashes passwords with a slow function, outside the threads that serve requests, and with bounded concurrency.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with a random salt. Returns [`Fault::Unavailable`] if too many calls are waiting.
    async fn hash(&self, password: &PlainPassword) -> Result<PasswordHash, Fault>;

    /// Returns whether the password matches the hash. With `None`, for a user that does not exist, it takes the same
    /// time and returns false. `password` is what was typed and need not be valid: an invalid one matches no hash, and
    /// takes the same time too. All of its [candidates](PlainPassword::candidates) are tried.
    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<bool, Fault>;
}

/// Receives the outcome of each login, for metrics. No other port sees it, because the use case decides it from several
/// of them.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait LoginObserver: Send + Sync {
    /// A login succeeded, or failed with this error code. Must not block.
    fn login_ended(&self, outcome: Result<(), &'static str>);
}

/// Signs and verifies tokens. Access and refresh tokens have different types and keys, so that neither is accepted as
/// the other. There may be several keys of each kind: one signs and all verify, so that keys can be replaced while
/// tokens are in use.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait TokenIssuer: Send + Sync {
    /// Signs an access token.
    fn access(&self, claims: &AccessClaims) -> Result<String, Fault>;

    /// Verifies an access token. Every claim is required and checked. The clock of the signing instance may be 30 s
    /// ahead (`nbf`).
    fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError>;

    /// Signs a refresh token. Equal claims give equal tokens.
    fn refresh(&self, claims: &RefreshClaims) -> Result<String, Fault>;

    /// Returns the refresh token of these claims that has this hash. It is signed again with the key that signed it,
    /// which need not be the current one. `None` if that key is not known any more.
    fn refresh_again(&self, claims: &RefreshClaims, hash: &TokenHash) -> Result<Option<String>, Fault>;

    /// Verifies a refresh token. Every claim is required and checked, with the same leeway.
    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError>;

    /// The public keys that verify access tokens, the signing key first; none if a shared secret signs.
    fn public_keys(&self) -> Vec<PublicKey>;
}
