//! Login, tokens and sessions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;
mod login;
mod refresh;
mod second_factor;
mod session;

use std::{sync::Arc, time::Duration};

use common::{clock, credentials, ids, mails, no_throttle, user_id};
use entrepot_application::{
    LoginThrottle,
    auth::{AuthPorts, AuthService, AuthSettings, Login},
};
use entrepot_domain::{
    Email,
    auth::{MockLoginObserver, MockPasswordHasher, MockSessionRepository, MockTokenIssuer},
    second_factor::{MockSealer, MockSecondFactorRepository, SealedSecret, SecondFactor, TotpSecret},
    user::MockUserRepository,
};

/// Every port of the service, mocked.
#[derive(Default)]
pub(crate) struct Mocks {
    pub(crate) users: MockUserRepository,
    pub(crate) sessions: MockSessionRepository,
    pub(crate) hasher: MockPasswordHasher,
    pub(crate) second_factors: MockSecondFactorRepository,
    pub(crate) sealer: MockSealer,
    pub(crate) tokens: MockTokenIssuer,
    pub(crate) throttle: Option<Arc<LoginThrottle>>,
    /// Accepts any outcome, unless a test expects one.
    pub(crate) logins: Option<MockLoginObserver>,
}

impl Mocks {
    pub(crate) fn service(self) -> AuthService {
        let settings = AuthSettings {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(7 * 24),
            refresh_grace: Duration::from_secs(10),
        };
        let ports = AuthPorts {
            users: Arc::new(self.users),
            sessions: Arc::new(self.sessions),
            hasher: Arc::new(self.hasher),
            second_factors: Arc::new(self.second_factors),
            sealer: Arc::new(self.sealer),
            tokens: Arc::new(self.tokens),
            throttle: self.throttle.unwrap_or_else(no_throttle),
            mails: mails(),
            logins: Arc::new(self.logins.unwrap_or_else(any_outcome)),
            clock: clock(),
            ids: ids(),
        };
        AuthService::new(ports, settings)
    }

    pub(crate) fn signs(mut self) -> Self {
        self.tokens.expect_access().returning(|claims| Ok(format!("access until {}", claims.expires_at)));
        self.tokens.expect_refresh().returning(|claims| Ok(format!("refresh {}", claims.id)));
        self
    }

    pub(crate) fn without_second_factor(mut self) -> Self {
        self.second_factors.expect_find().returning(|_| Ok(None));
        self
    }

    /// The password is correct, and the second factor is that of [`app`].
    pub(crate) fn with_second_factor(mut self) -> Self {
        self.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
        self.hasher.expect_verify().returning(|_, _| Ok(true));
        let sealed = SealedSecret(b"sealed".into());
        let in_force = SecondFactor::InForce { secret: sealed, recovery_codes_left: 9 };
        self.second_factors
            .expect_find()
            .withf(|user| *user == user_id(1))
            .returning(move |_| Ok(Some(in_force.clone())));
        self.sealer
            .expect_open()
            .withf(|user, sealed| *user == user_id(1) && sealed.0 == b"sealed")
            .returning(|_, _| Ok(Some(app().expose().to_vec().into())));
        self
    }
}

/// An observer that accepts any outcome.
fn any_outcome() -> MockLoginObserver {
    let mut observer = MockLoginObserver::new();
    observer.expect_login_ended().return_const(());
    observer
}

pub(crate) fn login_with(password: &str) -> Login {
    Login {
        email: Email::parse("Ada@example.com").unwrap(),
        password: password.into(),
        code: None,
        user_agent: Some("curl".into()),
    }
}

/// The secret of the second factor in tests.
pub(crate) fn app() -> TotpSecret {
    TotpSecret::from_random(&[7; 32])
}
