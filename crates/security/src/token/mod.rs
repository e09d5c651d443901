//! JSON Web Tokens.

mod key;
mod key_set;
mod verified;

use std::{borrow::Cow, fmt};

use entrepot_domain::{
    Email, Fault, SessionId, Timestamp, UserId,
    auth::{AccessClaims, PublicKey, RefreshClaims, TokenError, TokenHash, TokenIssuer},
    user::{Role, Roles},
};
use key::Key;
pub use key::PrivateKey;
use key_set::KeySet;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `typ` of an access token (RFC 9068 2.1).
const ACCESS: &str = "at+jwt";
/// `typ` of a refresh token. It differs, so that neither is accepted as the other even if the keys are equal.
const REFRESH: &str = "rt+jwt";

/// The number of seconds that the clock of the signing instance may be ahead. A clock can also be set back by as much
/// without invalidating tokens.
const LEEWAY_SECONDS: i64 = 30;

/// The keys of tokens. The first of each list signs, and all verify, so that keys can be replaced while tokens are in
/// use.
pub struct JwtKeys<'a> {
    /// Sign access tokens with Ed25519, if there are any.
    pub private: &'a [PrivateKey],
    /// Sign access tokens with HS256 where there is no private key; at least 32 bytes each (RFC 7518 3.2).
    pub access: Vec<&'a [u8]>,
    /// Sign refresh tokens with HS256; at least 32 bytes each.
    pub refresh: Vec<&'a [u8]>,
}

/// Signs and verifies tokens.
///
/// A token must start with one of the encoded headers that this issuer writes, and each header belongs to one key and
/// its algorithm. So nothing that a client sends is parsed before its signature is verified, and no other algorithm,
/// type, key or extension can be requested (RFC 8725 3.1, 3.11).
pub struct JwtIssuer {
    access: KeySet,
    refresh: KeySet,
    public: Vec<PublicKey>,
    issuer: String,
    audience: String,
}

impl fmt::Debug for JwtIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The claims of a token. All are required, with these types: a token without one of them does not parse.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    /// Only in access tokens.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    /// Only in access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<Cow<'a, str>>>,
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    aud: Cow<'a, str>,
}

impl JwtIssuer {
    /// Creates an issuer. `issuer` and `audience` are claims of every token, and required.
    pub fn new(keys: &JwtKeys<'_>, issuer: &str, audience: &str) -> Self {
        let private = keys.private.iter().map(|key| Key::ed25519(key, ACCESS));
        let access = private.chain(keys.access.iter().map(|secret| Key::hs256(secret, ACCESS)));
        let refresh = keys.refresh.iter().map(|secret| Key::hs256(secret, REFRESH));
        Self {
            access: KeySet::new(access.collect(), ACCESS),
            refresh: KeySet::new(refresh.collect(), REFRESH),
            public: keys.private.iter().map(PrivateKey::public).collect(),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        }
    }

    fn claims(&self, claims: &RefreshClaims) -> Claims<'_> {
        Claims {
            email: None,
            roles: None,
            sub: claims.user.0,
            sid: claims.session.0,
            jti: claims.id,
            iat: claims.issued_at.timestamp(),
            nbf: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
            iss: Cow::Borrowed(&self.issuer),
            aud: Cow::Borrowed(&self.audience),
        }
    }

    /// Checks the claims that both types have. `iat` is parsed, but no reason to refuse a token: RFC 7519 gives it no
    /// such meaning, and has `nbf` for that. `exp` has no leeway, so that a token is never valid after it.
    fn check(&self, claims: &Claims<'_>, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let now = now.timestamp();
        if claims.iss != self.issuer || claims.aud != self.audience || claims.nbf > now.saturating_add(LEEWAY_SECONDS) {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).ok_or(TokenError::Invalid);
        Ok(RefreshClaims {
            user: UserId(claims.sub),
            session: SessionId(claims.sid),
            id: claims.jti,
            issued_at: at(claims.iat)?,
            expires_at: at(claims.exp)?,
        })
    }
}

fn json(claims: &Claims<'_>) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(claims).map_err(Fault::unknown)
}

fn parse(claims: &[u8]) -> Result<Claims<'_>, TokenError> {
    serde_json::from_slice(claims).map_err(|_| TokenError::Invalid)
}

impl TokenIssuer for JwtIssuer {
    fn access(&self, claims: &AccessClaims) -> Result<String, Fault> {
        let AccessClaims { email, roles, user, session, id, issued_at, expires_at } = claims.clone();
        let common = RefreshClaims { user, session, id, issued_at, expires_at };
        self.access.sign(&json(&Claims {
            email: Some(Cow::Borrowed(email.as_str())),
            roles: Some(roles.iter().map(|role| Cow::Borrowed(role.as_str())).collect()),
            ..self.claims(&common)
        })?)
    }

    fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let sent = self.access.verify(token).ok_or(TokenError::Invalid)?;
        let claims = parse(&sent)?;
        let (Some(email), Some(roles)) = (&claims.email, &claims.roles) else {
            return Err(TokenError::Invalid);
        };
        let roles: Result<Vec<Role>, _> = roles.iter().map(|role| role.parse()).collect();
        let RefreshClaims { user, session, id, issued_at, expires_at } = self.check(&claims, now)?;
        Ok(AccessClaims {
            user,
            email: Email::parse(email).map_err(|_| TokenError::Invalid)?,
            roles: roles.and_then(Roles::new).map_err(|_| TokenError::Invalid)?,
            session,
            id,
            issued_at,
            expires_at,
        })
    }

    fn refresh(&self, claims: &RefreshClaims) -> Result<String, Fault> {
        self.refresh.sign(&json(&self.claims(claims))?)
    }

    fn refresh_again(&self, claims: &RefreshClaims, hash: &TokenHash) -> Result<Option<String>, Fault> {
        let claims = json(&self.claims(claims))?;
        Ok(self.refresh.sign_with_each(&claims).find(|token| TokenHash::of(token) == *hash))
    }

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let sent = self.refresh.verify(token).ok_or(TokenError::Invalid)?;
        let claims = parse(&sent)?;
        if claims.email.is_some() || claims.roles.is_some() {
            return Err(TokenError::Invalid);
        }
        self.check(&claims, now)
    }

    fn public_keys(&self) -> Vec<PublicKey> {
        self.public.clone()
    }
}
