//! What an `Authorization` header is worth.

use std::{fmt, net::IpAddr};

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use entrepot_application::{
    Error, Requester,
    api_key::{Admitted, ApiKeyService},
    auth::AuthService,
};
use entrepot_domain::{
    UserId,
    api_key::{ApiKeySecret, KeyPrefix},
    auth::{AccessClaims, TokenError},
};

/// What the `Authorization` header was worth.
#[derive(Debug)]
pub(crate) enum Bearer {
    /// There was none.
    None,
    /// A good token; whether its session is alive is asked by [`Authenticated`](super::Authenticated).
    Good(Box<AccessClaims>),
    /// A live API key.
    Key(Box<Admitted>),
    /// What may be an API key: it is still to be looked up, or could not be.
    Unread(Unread),
    /// Something that is not believed.
    Bad(TokenError),
}

impl Bearer {
    /// Reads the header (RFC 6750 2.1). Asks no store.
    pub(super) fn of(headers: &HeaderMap, auth: &AuthService) -> Self {
        let mut sent = headers.get_all(AUTHORIZATION);
        let first = match (sent.next(), sent.next()) {
            (None, _) => return Self::None,
            (Some(first), None) => first,
            (Some(_), Some(_)) => return Self::Bad(TokenError::Invalid),
        };
        let Some(token) = first.to_str().ok().and_then(token_of) else {
            return Self::Bad(TokenError::Invalid);
        };
        if ApiKeySecret::is_meant(token) {
            return Self::Unread(Unread(token.into()));
        }
        match auth.verify(token) {
            Ok(claims) => Self::Good(Box::new(claims)),
            Err(Error::TokenExpired) => Self::Bad(TokenError::Expired),
            Err(_) => Self::Bad(TokenError::Invalid),
        }
    }

    /// What is behind what may be an API key. A store that is away leaves it unread.
    pub(super) async fn of_key(unread: &Unread, keys: &ApiKeyService) -> Self {
        match keys.admit(&unread.0).await {
            Ok(admitted) => Self::Key(Box::new(admitted)),
            Err(Error::TokenExpired) => Self::Bad(TokenError::Expired),
            Err(Error::InvalidToken) => Self::Bad(TokenError::Invalid),
            Err(_) => Self::Unread(unread.clone()),
        }
    }

    /// Whose token it is.
    pub(super) fn user(&self) -> Option<UserId> {
        match self {
            Self::Good(claims) => Some(claims.user),
            Self::Key(admitted) => Some(admitted.actor.user),
            Self::None | Self::Unread(_) | Self::Bad(_) => None,
        }
    }

    /// What logs call the API key, if it is a live one.
    pub(super) fn key(&self) -> Option<KeyPrefix> {
        match self {
            Self::Key(admitted) => Some(admitted.prefix),
            Self::None | Self::Good(_) | Self::Unread(_) | Self::Bad(_) => None,
        }
    }

    /// Who is counted. What is not believed counts for the address, so that keys are not free to guess.
    pub(super) fn requester(&self, address: IpAddr) -> Requester {
        match self {
            Self::Good(claims) => Requester::User(claims.user),
            Self::Key(admitted) => Requester::ApiKey(admitted.key),
            Self::None | Self::Unread(_) | Self::Bad(_) => Requester::Address(address),
        }
    }
}

/// What may be an API key. Not printed.
#[derive(Clone)]
pub(crate) struct Unread(pub(super) Box<str>);

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unread(…)")
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
    fn only_bearers_bring_tokens() {
        assert_eq!(token_of("Bearer abc"), Some("abc"));
        assert_eq!(token_of("bEARER  abc "), Some("abc"));
        for bad in ["abc", "Bearer", "Bearer ", "Basic YTpi", "Bearerabc"] {
            assert_eq!(token_of(bad), None, "{bad}");
        }
    }
}
