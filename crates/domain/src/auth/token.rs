//! The claims of tokens.

use uuid::Uuid;

use crate::{Email, SessionId, Timestamp, UserId, user::Roles};

/// The claims of an access token (RFC 7519, RFC 9068). Issuer, audience and type are added by the issuer. Times have
/// whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`
    pub user: UserId,
    /// `email`, for clients that read the token; the server makes no decision with it.
    pub email: Email,
    /// `roles`, for clients that read the token; the server uses the [`Access`](super::Access) of the session.
    pub roles: Roles,
    /// `sid`
    pub session: SessionId,
    /// `jti`: identifies the token.
    pub id: Uuid,
    /// `iat` and `nbf`
    pub issued_at: Timestamp,
    /// `exp`
    pub expires_at: Timestamp,
}

/// The claims of a refresh token. Equal claims give equal tokens, so that a successor can be returned again without
/// being stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshClaims {
    /// `sub`
    pub user: UserId,
    /// `sid`
    pub session: SessionId,
    /// `jti`: identifies the token.
    pub id: Uuid,
    /// `iat` and `nbf`
    pub issued_at: Timestamp,
    /// `exp`
    pub expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is malformed, forged, of another type, issuer or audience, or not valid yet.
    #[error("the token is not valid")]
    Invalid,
}

/// An Ed25519 public key (RFC 8032) that verifies access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `kid`: identifies the key in tokens. It is the thumbprint of the key (RFC 7638).
    pub id: String,
    pub bytes: [u8; 32],
}
