//! The `Authorization` header.

use std::{fmt, net::IpAddr};

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use entrepot_application::{
    Error, Requester,
    api_key::{ApiKeyService, AuthenticatedKey},
    auth::AuthService,
};
use entrepot_domain::{
    UserId,
    api_key::{ApiKeySecret, KeyPrefix},
    auth::{AccessClaims, TokenError},
};

/// The credentials of a request.
#[derive(Debug)]
pub(crate) enum Bearer {
    /// There are none.
    None,
    /// A valid access token; [`Authenticated`](super::Authenticated) checks whether its session is alive.
    Token(Box<AccessClaims>),
    /// A valid API key.
    ApiKey(Box<AuthenticatedKey>),
    /// A possible API key that was not looked up yet, or could not be.
    Unread(KeyCandidate),
    /// Something invalid or expired.
    Invalid(TokenError),
}

impl Bearer {
    /// Reads the header (RFC 6750 2.1), without a look-up in the store.
    pub(super) fn of(headers: &HeaderMap, auth: &AuthService) -> Self {
        let mut sent = headers.get_all(AUTHORIZATION);
        let first = match (sent.next(), sent.next()) {
            (None, _) => return Self::None,
            (Some(first), None) => first,
            (Some(_), Some(_)) => return Self::Invalid(TokenError::Invalid),
        };
        first.to_str().map_or(Self::Invalid(TokenError::Invalid), |text| Self::of_text(text, auth))
    }

    /// Reads the value of the header.
    pub(super) fn of_text(text: &str, auth: &AuthService) -> Self {
        let Some(token) = token_of(text) else { return Self::Invalid(TokenError::Invalid) };
        if ApiKeySecret::is_candidate(token) {
            return Self::Unread(KeyCandidate(token.into()));
        }
        match auth.verify(token) {
            Ok(claims) => Self::Token(Box::new(claims)),
            Err(Error::TokenExpired) => Self::Invalid(TokenError::Expired),
            Err(_) => Self::Invalid(TokenError::Invalid),
        }
    }

    /// Looks up what may be an API key. It stays unread if the store is unavailable.
    pub(super) async fn of_key(candidate: &KeyCandidate, keys: &ApiKeyService) -> Self {
        match keys.authenticate(&candidate.0).await {
            Ok(authenticated) => Self::ApiKey(Box::new(authenticated)),
            Err(Error::TokenExpired) => Self::Invalid(TokenError::Expired),
            Err(Error::InvalidToken) => Self::Invalid(TokenError::Invalid),
            Err(_) => Self::Unread(candidate.clone()),
        }
    }

    /// The user whose token or key it is.
    pub(super) fn user(&self) -> Option<UserId> {
        match self {
            Self::Token(claims) => Some(claims.user),
            Self::ApiKey(authenticated) => Some(authenticated.actor.user),
            Self::None | Self::Unread(_) | Self::Invalid(_) => None,
        }
    }

    /// The prefix of the API key, for logs, if it is valid.
    pub(super) fn key(&self) -> Option<KeyPrefix> {
        match self {
            Self::ApiKey(authenticated) => Some(authenticated.prefix),
            Self::None | Self::Token(_) | Self::Unread(_) | Self::Invalid(_) => None,
        }
    }

    /// The subject of the rate limit. Invalid credentials count for the address, so that guessing is limited.
    pub(super) fn requester(&self, address: IpAddr) -> Requester {
        match self {
            Self::Token(claims) => Requester::User(claims.user),
            Self::ApiKey(authenticated) => Requester::ApiKey(authenticated.key),
            Self::None | Self::Unread(_) | Self::Invalid(_) => Requester::Address(address),
        }
    }
}

/// A possible API key. `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct KeyCandidate(pub(super) Box<str>);

impl fmt::Debug for KeyCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCandidate(…)")
    }
}

fn token_of(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bearer_scheme_has_a_token() {
        assert_eq!(token_of("Bearer abc"), Some("abc"));
        assert_eq!(token_of("bEARER  abc "), Some("abc"));
        for bad in ["abc", "Bearer", "Bearer ", "Basic YTpi", "Bearerabc"] {
            assert_eq!(token_of(bad), None, "{bad}");
        }
    }
}
