//! Where logins are kept, and who makes and checks the proofs.

use async_trait::async_trait;

use super::{
    Access, AccessClaims, NewSession, OpenError, PasswordHash, PlainPassword, PublicKey, RefreshClaims, RotateError,
    Rotated, Rotation, Session, TokenError, TokenHash,
};
use crate::{Fault, SessionId, Timestamp, UserId, audit::Cause};

/// Keeps logins. Every method is atomic. A session is alive until it is ended or its refresh token expires.
///
/// Beginnings and ends are audited, in one transaction with them; rotations are not, but those that end a session are.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send + Sync {
    /// Keeps a new login, if all that was checked still holds: [`OpenError::Outdated`] if not, or if its user does not
    /// exist. A new password and a second factor that comes into force end the sessions of before, and hashing takes its
    /// time: without this a login that began before such a change would be kept after it.
    ///
    /// A second factor that was checked and is not in force any more is no reason: the password alone is enough now.
    async fn open(&self, new: &NewSession) -> Result<(), OpenError>;

    /// Puts `next` in the place of the presented token, if that is the one that is good now.
    ///
    /// The token just before it, within `grace` of its rotation, gets the present one once more. Any other token of the
    /// session ends the session and is [`RotateError::Reused`]. Of two rotations of one token at once, one wins.
    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError>;

    /// Who stands behind a session; `None` if it is not alive at `now` or its user is gone.
    async fn access(&self, id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault>;

    /// The live sessions of a user, the last used first.
    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault>;

    /// Ends one session of a user; false if they have no such live session.
    async fn end(&self, user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault>;

    /// Ends all sessions of a user and returns those that were alive.
    async fn end_all(&self, user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault>;
}

/// Hashes passwords, slowly, away from the threads that serve requests, and not more at once than the machine bears.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// A salted hash. [`Fault::Unavailable`] if too many wait already.
    async fn hash(&self, password: &PlainPassword) -> Result<PasswordHash, Fault>;

    /// Whether the password is the hashed one. With `None`, for a user that does not exist, it takes the same time and
    /// says no. `password` is what somebody typed, and need not be a valid password: an invalid one is nobody's, and
    /// takes the same time too. All of its [candidates](PlainPassword::candidates) are tried.
    async fn verify(&self, password: &str, hash: Option<PasswordHash>) -> Result<bool, Fault>;
}

/// Told how each login ended, for metrics. No other port sees it: whether a login succeeds is decided by the use case,
/// from several of them.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait LoginObserver: Send + Sync {
    /// A login ended: it succeeded, or failed with an error of this code. Must not block.
    fn login_ended(&self, outcome: Result<(), &'static str>);
}

/// Makes and checks tokens. A refresh token is never an access token, nor the other way round: kind and key differ.
/// There may be several keys of each kind, of which one signs and all are believed, so that keys can be changed while
/// tokens are out.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait TokenIssuer: Send + Sync {
    /// Signs an access token.
    fn access(&self, claims: &AccessClaims) -> Result<String, Fault>;

    /// Reads an access token; every claim is required and checked. Another instance's clock may be 30 s ahead (`nbf`).
    fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError>;

    /// Signs a refresh token. The same claims make the same token.
    fn refresh(&self, claims: &RefreshClaims) -> Result<String, Fault>;

    /// The refresh token of these claims that has this hash: signed anew with the key that signed it then, which need
    /// not be the one that signs now. `None` if that key is gone.
    fn refresh_again(&self, claims: &RefreshClaims, hash: &TokenHash) -> Result<Option<String>, Fault>;

    /// Reads a refresh token; every claim is required and checked, with the same leeway.
    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError>;

    /// The keys that others can check access tokens with, the one that signs now first; none where a shared secret
    /// signs.
    fn public_keys(&self) -> Vec<PublicKey>;
}
