//! Login, tokens and sessions.

mod access;
mod authenticate;
mod login;
mod refresh;
mod sessions;
mod ticket;

use std::{sync::Arc, time::Duration};

pub use access::AccessChecker;
use entrepot_domain::{
    Clock, Fault, IdGenerator, SessionId, Timestamp,
    audit::{Cause, Origin, Who},
    auth::{
        AccessClaims, LoginObserver, PasswordHasher, PublicKey, RefreshClaims, RefreshState, SessionRepository,
        TokenHash, TokenIssuer,
    },
    saturating_add,
    second_factor::{Sealer, SecondFactorRepository},
    user::{User, UserRepository},
};
pub use login::Login;
pub use ticket::{IssuedTicket, TicketPorts, TicketService};

use crate::{AccountMails, LoginThrottle};

/// The lifetimes of tokens.
#[derive(Debug, Clone, Copy)]
pub struct AuthSettings {
    /// The lifetime of an access token.
    pub access_ttl: Duration,
    /// The lifetime of a refresh token, and of a session that is not refreshed.
    pub refresh_ttl: Duration,
    /// How long after a rotation the old token returns the same successor again.
    pub refresh_grace: Duration,
}

/// The ports that [`AuthService`] holds.
pub struct AuthPorts {
    pub users: Arc<dyn UserRepository>,
    pub sessions: Arc<dyn SessionRepository>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// Unseals the secrets of second factors.
    pub sealer: Arc<dyn Sealer>,
    pub tokens: Arc<dyn TokenIssuer>,
    /// Limits failed attempts.
    pub throttle: Arc<LoginThrottle>,
    pub mails: Arc<AccountMails>,
    /// Receives the outcome of each login.
    pub logins: Arc<dyn LoginObserver>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Login, tokens and sessions.
pub struct AuthService {
    ports: AuthPorts,
    settings: AuthSettings,
}

/// The result of a login or a refresh.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub access_token: String,
    pub refresh_token: String,
    /// How long the access token is good.
    pub expires_in: Duration,
    pub user: User,
}

impl AuthService {
    /// Creates a service over these ports.
    pub fn new(ports: AuthPorts, settings: AuthSettings) -> Self {
        Self { ports, settings }
    }

    /// The public keys that verify access tokens, the signing key first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.ports.tokens.public_keys()
    }

    fn cause(&self, who: impl Into<Who>, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: who.into(), origin }
    }

    /// The claims of a new refresh token, valid from `now`. Tokens have whole seconds.
    fn refresh_claims(&self, user: &User, session: SessionId, now: Timestamp) -> RefreshClaims {
        let issued_at = whole_seconds(now);
        RefreshClaims {
            user: user.id,
            session,
            id: self.ports.ids.next(),
            issued_at,
            expires_at: saturating_add(issued_at, self.settings.refresh_ttl),
        }
    }

    /// Issues both tokens of the session that `refresh` belongs to.
    fn pair(&self, user: User, refresh: &RefreshClaims, now: Timestamp) -> Result<LoggedIn, Fault> {
        let issued_at = whole_seconds(now);
        // An access token never outlives its session.
        let expires_at = saturating_add(issued_at, self.settings.access_ttl).min(refresh.expires_at);
        let access_token = self.ports.tokens.access(&AccessClaims {
            user: user.id,
            email: user.email.clone(),
            roles: user.roles,
            session: refresh.session,
            id: self.ports.ids.next(),
            issued_at,
            expires_at,
        })?;
        Ok(LoggedIn {
            access_token,
            refresh_token: self.ports.tokens.refresh(refresh)?,
            expires_in: (expires_at - issued_at).to_std().unwrap_or_default(),
            user,
        })
    }

    /// The part of a refresh token that a store keeps.
    fn state_of(&self, claims: &RefreshClaims) -> Result<RefreshState, Fault> {
        Ok(RefreshState {
            hash: TokenHash::of(&self.ports.tokens.refresh(claims)?),
            id: claims.id,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        })
    }
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_timestamp(at.timestamp(), 0).unwrap_or(at)
}
