//! JSON Web Tokens.

use std::fmt;

use entrepot_domain::{
    Email, Fault, SessionId, Timestamp, UserId,
    auth::{AccessClaims, RefreshClaims, TokenError, TokenIssuer},
    user::{Role, Roles},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
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

/// Signs and reads tokens with HS256, and takes no other algorithm.
pub struct JwtIssuer {
    access: Key,
    refresh: Key,
    issuer: String,
    audience: String,
}

struct Key {
    signs: EncodingKey,
    reads: DecodingKey,
    header: Header,
}

impl Key {
    fn new(secret: &[u8], kind: &str) -> Self {
        let header = Header { typ: Some(kind.to_owned()), alg: Algorithm::HS256, ..Header::default() };
        Self { signs: EncodingKey::from_secret(secret), reads: DecodingKey::from_secret(secret), header }
    }
}

impl fmt::Debug for JwtIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtIssuer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// What every token says. All are required: a token without one of them does not parse.
#[derive(Serialize, Deserialize)]
struct Common {
    sub: Uuid,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    iss: String,
    aud: String,
}

#[derive(Serialize, Deserialize)]
struct AccessBody {
    email: String,
    roles: Vec<String>,
    #[serde(flatten)]
    common: Common,
}

#[derive(Serialize, Deserialize)]
struct RefreshBody {
    #[serde(flatten)]
    common: Common,
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

    fn read<T: DeserializeOwned>(key: &Key, token: &str) -> Result<T, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::Invalid);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // All claims are checked by hand, against the time of the port and without leeway.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let read = decode::<T>(token, &key.reads, &validation).map_err(|_| TokenError::Invalid)?;
        if read.header.typ != key.header.typ {
            return Err(TokenError::Invalid);
        }
        Ok(read.claims)
    }

    fn check(&self, common: &Common, now: Timestamp) -> Result<(Timestamp, Timestamp), TokenError> {
        let now = now.timestamp();
        if common.iss != self.issuer || common.aud != self.audience || common.nbf > now || common.iat > now {
            return Err(TokenError::Invalid);
        }
        if common.exp <= now {
            return Err(TokenError::Expired);
        }
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).ok_or(TokenError::Invalid);
        Ok((at(common.iat)?, at(common.exp)?))
    }

    fn common(&self, user: UserId, session: SessionId, id: Uuid, from: Timestamp, until: Timestamp) -> Common {
        Common {
            sub: user.0,
            sid: session.0,
            jti: id,
            iat: from.timestamp(),
            nbf: from.timestamp(),
            exp: until.timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
        }
    }
}

impl TokenIssuer for JwtIssuer {
    fn access(&self, claims: &AccessClaims) -> Result<String, Fault> {
        let body = AccessBody {
            email: claims.email.as_str().to_owned(),
            roles: claims.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            common: self.common(claims.user, claims.session, claims.id, claims.issued_at, claims.expires_at),
        };
        encode(&self.access.header, &body, &self.access.signs).map_err(Fault::unknown)
    }

    fn verify_access(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let body: AccessBody = Self::read(&self.access, token)?;
        let (issued_at, expires_at) = self.check(&body.common, now)?;
        let roles: Result<Vec<Role>, _> = body.roles.iter().map(|role| role.parse()).collect();
        Ok(AccessClaims {
            user: UserId(body.common.sub),
            email: Email::parse(&body.email).map_err(|_| TokenError::Invalid)?,
            roles: roles.and_then(Roles::new).map_err(|_| TokenError::Invalid)?,
            session: SessionId(body.common.sid),
            id: body.common.jti,
            issued_at,
            expires_at,
        })
    }

    fn refresh(&self, claims: &RefreshClaims) -> Result<String, Fault> {
        let common = self.common(claims.user, claims.session, claims.id, claims.issued_at, claims.expires_at);
        encode(&self.refresh.header, &RefreshBody { common }, &self.refresh.signs).map_err(Fault::unknown)
    }

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<RefreshClaims, TokenError> {
        let RefreshBody { common } = Self::read(&self.refresh, token)?;
        let (issued_at, expires_at) = self.check(&common, now)?;
        Ok(RefreshClaims {
            user: UserId(common.sub),
            session: SessionId(common.sid),
            id: common.jti,
            issued_at,
            expires_at,
        })
    }
}
