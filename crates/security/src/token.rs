//! JSON Web Tokens.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use entrepot_domain::{
    Email, Fault, SessionId, Timestamp, UserId,
    auth::{AccessClaims, RefreshClaims, TokenError, TokenIssuer},
    user::{Role, Roles},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `typ` of an access token (RFC 9068 2.1).
const ACCESS: &str = "at+jwt";
/// `typ` of a refresh token, so that neither is ever taken for the other, were the keys equal.
const REFRESH: &str = "rt+jwt";

/// No honest token is longer; a longer one is not even decoded.
const MAX_LENGTH: usize = 4_096;

/// The two keys, at least 32 bytes each (RFC 7518 3.2).
pub struct JwtKeys<'a> {
    /// Signs access tokens.
    pub access: &'a [u8],
    /// Signs refresh tokens.
    pub refresh: &'a [u8],
}

/// Signs and reads tokens with HS256.
///
/// A token must begin with the very header that this issuer writes. So nothing a stranger wrote is parsed before its
/// signature was checked, and no other algorithm, type, key name or extension can be asked for (RFC 8725 3.1, 3.11).
pub struct JwtIssuer {
    access: Key,
    refresh: Key,
    issuer: String,
    audience: String,
}

struct Key {
    signs: EncodingKey,
    reads: DecodingKey,
    /// What every token of this key begins with: the header as it is sent, and its dot.
    header: String,
}

impl Key {
    fn new(secret: &[u8], kind: &str) -> Self {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{kind}","alg":"HS256"}}"#)) + ".";
        Self { signs: EncodingKey::from_secret(secret), reads: DecodingKey::from_secret(secret), header }
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<String, Fault> {
        let mut token = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(Fault::unknown)?, &mut token);
        let signature = crypto::sign(token.as_bytes(), &self.signs, Algorithm::HS256).map_err(Fault::unknown)?;
        Ok(token + "." + &signature)
    }

    /// The claims as they were sent, if they were signed with this key.
    fn open(&self, token: &str) -> Option<Vec<u8>> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let claims = message.strip_prefix(&self.header)?;
        let signed = crypto::verify(signature, message.as_bytes(), &self.reads, Algorithm::HS256);
        if signed.is_ok_and(|signed| signed) { URL_SAFE_NO_PAD.decode(claims).ok() } else { None }
    }
}

impl fmt::Debug for JwtIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// What a token says. All are required, of this very type: a token without one of them does not parse.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    /// In an access token alone.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    /// In an access token alone.
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
    /// An issuer of this name, for this audience; both are claimed and required.
    pub fn new(keys: &JwtKeys<'_>, issuer: &str, audience: &str) -> Self {
        Self {
            access: Key::new(keys.access, ACCESS),
            refresh: Key::new(keys.refresh, REFRESH),
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

    /// What both kinds say, checked.
    fn check(&self, claims: &Claims<'_>, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let now = now.timestamp();
        if claims.iss != self.issuer || claims.aud != self.audience || claims.nbf > now || claims.iat > now {
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

fn parse(claims: &[u8]) -> Result<Claims<'_>, TokenError> {
    serde_json::from_slice(claims).map_err(|_| TokenError::Invalid)
}

impl TokenIssuer for JwtIssuer {
    fn access(&self, claims: &AccessClaims) -> Result<String, Fault> {
        let AccessClaims { email, roles, user, session, id, issued_at, expires_at } = claims.clone();
        let common = RefreshClaims { user, session, id, issued_at, expires_at };
        self.access.sign(&Claims {
            email: Some(Cow::Borrowed(email.as_str())),
            roles: Some(roles.iter().map(|role| Cow::Borrowed(role.as_str())).collect()),
            ..self.claims(&common)
        })
    }

    fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let sent = self.access.open(token).ok_or(TokenError::Invalid)?;
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
        self.refresh.sign(&self.claims(claims))
    }

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let sent = self.refresh.open(token).ok_or(TokenError::Invalid)?;
        let claims = parse(&sent)?;
        if claims.email.is_some() || claims.roles.is_some() {
            return Err(TokenError::Invalid);
        }
        self.check(&claims, now)
    }
}
