//! Login, tokens and sessions.

mod authenticate;
mod login;
mod refresh;
mod sessions;

use std::{sync::Arc, time::Duration};

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

use crate::LoginThrottle;

/// How long logins last.
#[derive(Debug, Clone, Copy)]
pub struct AuthSettings {
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good, and with it a session that nobody refreshes.
    pub refresh_ttl: Duration,
    /// How long after a rotation the same successor can be fetched again.
    pub refresh_grace: Duration,
}

/// The ports that [`AuthService`] holds.
pub struct AuthPorts {
    /// Whom to log in.
    pub users: Arc<dyn UserRepository>,
    /// Where logins are kept.
    pub sessions: Arc<dyn SessionRepository>,
    /// Checks passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Who has a second factor.
    pub second_factors: Arc<dyn SecondFactorRepository>,
    /// Opens their secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Makes and checks tokens.
    pub tokens: Arc<dyn TokenIssuer>,
    /// Counts failures.
    pub throttle: Arc<LoginThrottle>,
    /// Told how each login ends.
    pub logins: Arc<dyn LoginObserver>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
}

/// Login, tokens and sessions.
pub struct AuthService {
    ports: AuthPorts,
    settings: AuthSettings,
}

/// A login: both tokens, and who it is.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// For every request.
    pub access_token: String,
    /// For the next pair.
    pub refresh_token: String,
    /// How long the access token is good.
    pub expires_in: Duration,
    /// Who.
    pub user: User,
}

impl AuthService {
    /// A service over these ports.
    pub fn new(ports: AuthPorts, settings: AuthSettings) -> Self {
        Self { ports, settings }
    }

    /// The keys that others can check access tokens with, the one that signs now first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.ports.tokens.public_keys()
    }

    fn cause(&self, who: impl Into<Who>, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: who.into(), origin }
    }

    /// Claims of a new refresh token, from now on. Tokens count in whole seconds.
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

    /// The pair for a session whose refresh token is this one.
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

    /// What a store keeps of a refresh token.
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
