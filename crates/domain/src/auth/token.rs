//! What tokens say.

use uuid::Uuid;

use crate::{Email, SessionId, Timestamp, UserId, user::Roles};

/// What an access token says (RFC 7519, RFC 9068). Issuer, audience and type are the issuer's affair.
/// Moments have whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: who.
    pub user: UserId,
    /// `email`: for those that read the token; nothing is decided by it.
    pub email: Email,
    /// `roles`: for those that read the token; what counts is the [`Access`](super::Access) of the session.
    pub roles: Roles,
    /// `sid`: by which login.
    pub session: SessionId,
    /// `jti`: names this very token.
    pub id: Uuid,
    /// `iat` and `nbf`: since when.
    pub issued_at: Timestamp,
    /// `exp`: until when.
    pub expires_at: Timestamp,
}

/// What a refresh token says. Equal claims make equal tokens, which is how a successor can be fetched again without
/// being kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshClaims {
    /// `sub`: who.
    pub user: UserId,
    /// `sid`: by which login.
    pub session: SessionId,
    /// `jti`: names this very token.
    pub id: Uuid,
    /// `iat` and `nbf`: since when.
    pub issued_at: Timestamp,
    /// `exp`: until when.
    pub expires_at: Timestamp,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// Malformed, forged, of another kind, issuer or audience, or not good yet.
    #[error("the token is not valid")]
    Invalid,
}

/// A public key of Ed25519 (RFC 8032), with which others check access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `kid`: its name in the tokens that it is for, which follows from the key (RFC 7638).
    pub id: String,
    /// The key.
    pub bytes: [u8; 32],
}
