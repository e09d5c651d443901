//! What an `Authorization` header is worth.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use entrepot_application::{Error, auth::AuthService};
use entrepot_domain::{
    UserId,
    auth::{AccessClaims, TokenError},
};

/// What the `Authorization` header was worth.
#[derive(Debug)]
pub(crate) enum Bearer {
    /// There was none.
    None,
    /// A good token; whether its session is alive is asked by [`Authenticated`](super::Authenticated).
    Good(Box<AccessClaims>),
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
        match auth.verify(token) {
            Ok(claims) => Self::Good(Box::new(claims)),
            Err(Error::TokenExpired) => Self::Bad(TokenError::Expired),
            Err(_) => Self::Bad(TokenError::Invalid),
        }
    }

    /// Whose token it is.
    pub(super) fn user(&self) -> Option<UserId> {
        match self {
            Self::Good(claims) => Some(claims.user),
            Self::None | Self::Bad(_) => None,
        }
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
