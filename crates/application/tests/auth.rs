//! Login, tokens and sessions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{CountingLimiter, clock, credentials, ids, no_throttle, now, origin, session_id, throttle, user, user_id};
use entrepot_application::{
    Error,
    auth::{AuthPorts, AuthService, AuthSettings, Login, LoginThrottle},
};
use entrepot_domain::{
    Email, Fault, Subject, Timestamp,
    audit::Origin,
    auth::{
        Access, AccessClaims, Checked, MockPasswordHasher, MockSessionRepository, MockTokenIssuer, OpenError,
        PasswordHash, RefreshClaims, RefreshState, RotateError, Rotated, TokenError, TokenHash,
    },
    second_factor::{
        MockSealer, MockSecondFactorRepository, RecoveryHash, SealedSecret, SecondFactor, SecondFactorCode, TimeStep,
        TotpSecret,
    },
    user::{Credentials, MockUserRepository, Role, Roles},
};
use futures_executor::block_on;
use uuid::Uuid;

#[derive(Default)]
struct Mocks {
    users: MockUserRepository,
    sessions: MockSessionRepository,
    hasher: MockPasswordHasher,
    second_factors: MockSecondFactorRepository,
    sealer: MockSealer,
    tokens: MockTokenIssuer,
    throttle: Option<Arc<LoginThrottle>>,
}

impl Mocks {
    fn service(self) -> AuthService {
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
            clock: clock(),
            ids: ids(),
        };
        AuthService::new(ports, settings)
    }

    fn signs(mut self) -> Self {
        self.tokens.expect_access().returning(|claims| Ok(format!("access until {}", claims.expires_at)));
        self.tokens.expect_refresh().returning(|claims| Ok(format!("refresh {}", claims.id)));
        self
    }

    fn without_second_factor(mut self) -> Self {
        self.second_factors.expect_find().returning(|_| Ok(None));
        self
    }

    /// The password is right, and the second factor [`app`]'s.
    fn with_second_factor(mut self) -> Self {
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

fn login(password: &str) -> Login {
    Login {
        email: Email::parse("Ada@example.com").unwrap(),
        password: password.into(),
        code: None,
        user_agent: Some("curl".into()),
    }
}

fn shown() -> RefreshClaims {
    RefreshClaims {
        user: user_id(1),
        session: session_id(5),
        id: Uuid::from_u128(3),
        issued_at: now(),
        expires_at: now(),
    }
}

#[test]
fn a_login_opens_a_session_and_signs_a_pair() {
    let mut mocks = Mocks::default().signs().without_second_factor();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    mocks
        .sessions
        .expect_open()
        .withf(|new| {
            let refresh = &new.refresh;
            new.user == user_id(1)
                && refresh.hash == TokenHash::of(&format!("refresh {}", refresh.id))
                && refresh.issued_at.timestamp_subsec_millis() == 0
                && refresh.expires_at - refresh.issued_at == chrono::TimeDelta::days(7)
                && new.device.user_agent.as_deref() == Some("curl")
        })
        .times(1)
        .returning(|_| Ok(()));
    let pair = block_on(mocks.service().login(login("secret"), &origin())).unwrap();
    assert_eq!(pair.expires_in, Duration::from_mins(15));
    assert_eq!(pair.user, user(1));
}

/// The change comes between the look at the password and the session, whatever was checked.
#[test]
fn what_changes_while_it_is_checked_is_looked_at_once_more() {
    let mut mocks = Mocks::default().signs().without_second_factor();
    let mut hashes = ["old", "new"].map(|text| PasswordHash(text.into())).into_iter();
    mocks
        .users
        .expect_credentials_by_email()
        .times(2)
        .returning(move |_| Ok(Some(Credentials { password: hashes.next().unwrap(), ..credentials(1) })));
    mocks.hasher.expect_verify().times(2).returning(|_, hash| Ok(hash == Some(PasswordHash("old".into()))));
    mocks
        .sessions
        .expect_open()
        .withf(|new| new.checked == Checked { password: PasswordHash("old".into()), second_factor: None })
        .times(1)
        .returning(|_| Err(OpenError::Outdated));
    let error = block_on(mocks.service().login(login("secret"), &origin())).unwrap_err();
    assert!(matches!(error, Error::InvalidCredentials));

    let mut mocks = Mocks::default().signs();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    let in_force = SecondFactor::InForce { secret: SealedSecret(b"sealed".into()), recovery_codes_left: 9 };
    let mut factors = [None, Some(in_force)].into_iter();
    mocks.second_factors.expect_find().times(2).returning(move |_| Ok(factors.next().unwrap()));
    mocks.sessions.expect_open().times(1).returning(|_| Err(OpenError::Outdated));
    let error = block_on(mocks.service().login(login("secret"), &origin())).unwrap_err();
    assert!(matches!(error, Error::SecondFactorRequired));
}

#[test]
fn what_changes_again_and_again_lets_nobody_in() {
    let mut mocks = Mocks::default().signs().without_second_factor();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    mocks.sessions.expect_open().times(2).returning(|_| Err(OpenError::Outdated));
    let error = block_on(mocks.service().login(login("secret"), &origin())).unwrap_err();
    assert!(matches!(error, Error::InvalidCredentials));
}

#[test]
fn an_unknown_email_is_hashed_too_and_refused_alike() {
    for known in [true, false] {
        let mut mocks = Mocks::default();
        mocks.users.expect_credentials_by_email().returning(move |_| Ok(known.then(|| credentials(1))));
        mocks.hasher.expect_verify().withf(move |_, hash| hash.is_some() == known).times(1).returning(|_, _| Ok(false));
        let error = block_on(mocks.service().login(login("wrong"), &origin())).unwrap_err();
        assert!(matches!(error, Error::InvalidCredentials));
    }
}

#[test]
fn the_sixth_guess_is_not_even_looked_at() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() };
    mocks.users.expect_credentials_by_email().times(5).returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().times(5).returning(|_, _| Ok(false));
    let service = mocks.service();
    for _ in 0..5 {
        assert!(matches!(block_on(service.login(login("wrong"), &origin())), Err(Error::InvalidCredentials)));
    }
    assert!(matches!(block_on(service.login(login("right"), &origin())), Err(Error::RateLimited { .. })));
}

#[test]
fn a_success_is_not_counted() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.signs().without_second_factor();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    let service = mocks.service();
    for _ in 0..9 {
        block_on(service.login(login("right"), &origin())).unwrap();
    }
    assert_eq!(limiter.logins(), 0);
}

#[test]
fn a_broken_store_is_no_wrong_password() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() };
    mocks
        .users
        .expect_credentials_by_email()
        .returning(|_| Err(Fault::unavailable("sqlite", std::io::Error::other("locked"))));
    let error = block_on(mocks.service().login(login("right"), &origin())).unwrap_err();
    assert_eq!(error.code(), "unavailable");
    assert_eq!(limiter.logins(), 0);
}

#[test]
fn a_refresh_within_the_grace_signs_the_same_successor() {
    let successor = RefreshState {
        hash: TokenHash::of(&format!("refresh {}", Uuid::from_u128(42))),
        id: Uuid::from_u128(42),
        issued_at: now() - chrono::TimeDelta::seconds(2),
        expires_at: now() + chrono::TimeDelta::minutes(5),
    };
    let mut mocks = Mocks::default().signs();
    mocks.tokens.expect_verify_refresh().returning(|_, _| Ok(shown()));
    mocks.users.expect_find().returning(|_| Ok(Some(user(1))));
    let given = successor.clone();
    mocks
        .sessions
        .expect_rotate()
        .withf(|rotation| rotation.presented == TokenHash::of("old") && rotation.grace == Duration::from_secs(10))
        .returning(move |_| Ok(Rotated { user: user_id(1), refresh: given.clone() }));
    let pair = block_on(mocks.service().refresh("old", &origin())).unwrap();
    assert_eq!(pair.refresh_token, format!("refresh {}", successor.id));
    // An access token never outlives the session, which ends in five minutes here.
    assert!(pair.expires_in <= Duration::from_mins(6), "{:?}", pair.expires_in);
}

/// The key changed between the rotation and the second time that its successor is asked for.
#[test]
fn a_successor_is_signed_again_with_the_key_of_then_or_not_at_all() {
    for (signed, told) in [(Some("successor"), Ok("successor")), (None, Err("invalid_token"))] {
        let hash = TokenHash::of("successor");
        let successor = RefreshState { hash, id: Uuid::from_u128(42), issued_at: now(), expires_at: now() };
        let mut mocks = Mocks::default().signs();
        mocks.tokens.expect_verify_refresh().returning(|_, _| Ok(shown()));
        mocks.users.expect_find().returning(|_| Ok(Some(user(1))));
        mocks.sessions.expect_rotate().return_once(move |_| Ok(Rotated { user: user_id(1), refresh: successor }));
        mocks
            .tokens
            .expect_refresh_again()
            .withf(move |claims, of| claims.id == Uuid::from_u128(42) && *of == hash)
            .times(1)
            .return_once(move |_, _| Ok(signed.map(str::to_owned)));
        let pair = block_on(mocks.service().refresh("old", &origin()));
        assert_eq!(pair.as_ref().map(|pair| pair.refresh_token.as_str()).map_err(Error::code), told);
    }
}

#[test]
fn what_became_of_a_bad_refresh_token_is_told_apart() {
    for (error, code) in [(RotateError::Ended, "invalid_token"), (RotateError::Reused, "refresh_token_reused")] {
        let mut mocks = Mocks::default().signs();
        mocks.tokens.expect_verify_refresh().returning(|_, _| Ok(shown()));
        mocks.users.expect_find().returning(|_| Ok(Some(user(1))));
        mocks.sessions.expect_rotate().return_once(move |_| Err(error));
        assert_eq!(block_on(mocks.service().refresh("old", &origin())).unwrap_err().code(), code);
    }
}

#[test]
fn logging_out_twice_or_late_is_fine_but_not_with_a_forged_token() {
    for (token, ok) in [(Ok(shown()), true), (Err(TokenError::Expired), true), (Err(TokenError::Invalid), false)] {
        let mut mocks = Mocks::default();
        mocks.sessions.expect_end().returning(|_, _, _| Ok(false));
        mocks.tokens.expect_verify_refresh().return_once(move |_, _| token);
        assert_eq!(block_on(mocks.service().logout("token", &origin())).is_ok(), ok);
    }
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: user_id(1),
        email: Email::parse("ada@example.com").unwrap(),
        roles: Roles::new([Role::Admin]).unwrap(),
        session: session_id(5),
        id: Uuid::nil(),
        issued_at: Timestamp::default(),
        expires_at: now(),
    }
}

#[test]
fn the_store_says_what_somebody_may_do_not_the_token() {
    let mut mocks = Mocks::default();
    mocks.sessions.expect_access().returning(|_, _| Ok(Some(Access { user: user_id(1), roles: Roles::CUSTOMER })));
    let actor = block_on(mocks.service().admit(&claims())).unwrap();
    assert!(!actor.is_admin());
}

#[test]
fn a_dead_session_or_anothers_lets_nobody_in() {
    for access in [None, Some(Access { user: user_id(2), roles: Roles::CUSTOMER })] {
        let mut mocks = Mocks::default();
        mocks.sessions.expect_access().returning(move |_, _| Ok(access));
        assert!(matches!(block_on(mocks.service().admit(&claims())), Err(Error::InvalidToken)));
    }
}

#[test]
fn ending_a_session_that_is_not_ones_own_finds_nothing() {
    let mut mocks = Mocks::default();
    mocks.sessions.expect_end().returning(|_, _, _| Ok(false));
    let ended = block_on(mocks.service().end_session(&common::customer(1), session_id(9), &origin()));
    assert!(matches!(ended, Err(Error::NotFound)));
}

fn app() -> TotpSecret {
    TotpSecret::from_random(&[7; 32])
}

fn present_code() -> SecondFactorCode {
    SecondFactorCode::Totp(app().code(TimeStep::of(now())))
}

fn recovery_code() -> SecondFactorCode {
    SecondFactorCode::parse("ABCD-EFGH-IJKL-MNOP").unwrap()
}

fn with_code(code: SecondFactorCode) -> Login {
    Login { code: Some(code), ..login("right") }
}

#[test]
fn a_second_factor_is_asked_for_behind_the_password_and_that_is_no_failure() {
    let limiter = Arc::new(CountingLimiter::default());
    let mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.with_second_factor();
    let error = block_on(mocks.service().login(login("right"), &origin())).unwrap_err();
    assert!(matches!(error, Error::SecondFactorRequired));
    assert_eq!(limiter.logins(), 0);
}

#[test]
fn who_has_not_the_password_hears_of_no_second_factor() {
    let mut mocks = Mocks::default();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(false));
    mocks.second_factors.expect_find().never();
    assert!(matches!(
        block_on(mocks.service().login(with_code(present_code()), &origin())),
        Err(Error::InvalidCredentials)
    ));
}

#[test]
fn a_good_code_lets_in_and_is_taken() {
    let mut mocks = Mocks::default().signs().with_second_factor();
    mocks
        .second_factors
        .expect_take_step()
        .withf(|user, step| *user == user_id(1) && *step == TimeStep::of(now()))
        .times(1)
        .returning(|_, _| Ok(true));
    mocks
        .sessions
        .expect_open()
        .withf(|new| new.checked.second_factor == Some(SealedSecret(b"sealed".into())))
        .returning(|_| Ok(()));
    block_on(mocks.service().login(with_code(present_code()), &origin())).unwrap();

    let mut mocks = Mocks::default().signs().with_second_factor();
    mocks.second_factors.expect_take_recovery_code().times(1).returning(|_, _, _| Ok(true));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    block_on(mocks.service().login(with_code(recovery_code()), &origin())).unwrap();
}

#[test]
fn a_wrong_or_used_code_is_as_bad_as_a_wrong_password() {
    let old = SecondFactorCode::Totp(app().code(TimeStep(TimeStep::of(now()).0 - 2)));
    for code in [old, present_code(), recovery_code()] {
        let limiter = Arc::new(CountingLimiter::default());
        let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.with_second_factor();
        mocks.second_factors.expect_take_step().returning(|_, _| Ok(false));
        mocks.second_factors.expect_take_recovery_code().returning(|_, _, _| Ok(false));
        mocks.sessions.expect_open().never();
        assert!(matches!(block_on(mocks.service().login(with_code(code), &origin())), Err(Error::InvalidCredentials)));
        assert_eq!(limiter.logins(), 1);
    }
}

/// Nobody has so many guesses as addresses, and who owns the account comes in by a recovery code all the same.
#[test]
fn an_account_bears_only_so_many_wrong_codes_from_wherever_they_come() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.signs().with_second_factor();
    mocks.second_factors.expect_take_step().returning(|_, _| Ok(true));
    mocks.second_factors.expect_take_recovery_code().returning(|_, code, _| Ok(code == recovery_hash()));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    let service = mocks.service();
    let from = |n: u8| Origin { address: [192, 0, 2, n].into(), ..origin() };
    let wrong = SecondFactorCode::Totp(app().code(TimeStep(TimeStep::of(now()).0 - 9)));
    for n in 0..5 {
        // A right one in between counts nothing.
        block_on(service.login(with_code(present_code()), &from(100))).unwrap();
        let refused = block_on(service.login(with_code(wrong.clone()), &from(n)));
        assert!(matches!(refused, Err(Error::InvalidCredentials)));
    }
    let Err(Error::RateLimited { limit, .. }) = block_on(service.login(with_code(present_code()), &from(200))) else {
        panic!("a sixth guess was let through");
    };
    assert_eq!((limit, limiter.of(&Subject::Code(user_id(1)))), ("code", 5));
    // To be asked for a code is no guess, nor is a recovery code, even a wrong one.
    assert!(matches!(block_on(service.login(login("right"), &from(201))), Err(Error::SecondFactorRequired)));
    let unknown = SecondFactorCode::parse("AAAA-AAAA-AAAA-AAAA").unwrap();
    assert!(matches!(block_on(service.login(with_code(unknown), &from(202))), Err(Error::InvalidCredentials)));
    assert_eq!(limiter.of(&Subject::Code(user_id(1))), 5);
    block_on(service.login(with_code(recovery_code()), &from(203))).unwrap();
}

fn recovery_hash() -> RecoveryHash {
    let SecondFactorCode::Recovery(code) = recovery_code() else { panic!("no recovery code") };
    code.hash(user_id(1))
}

#[test]
fn a_secret_that_cannot_be_opened_lets_recovery_codes_in_and_no_others() {
    let mut mocks = Mocks::default();
    mocks.sealer.expect_open().returning(|_, _| Ok(None));
    let mut mocks = mocks.signs().with_second_factor();
    mocks.second_factors.expect_take_step().never();
    mocks.second_factors.expect_take_recovery_code().returning(|_, _, _| Ok(true));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    let service = mocks.service();
    assert!(matches!(block_on(service.login(with_code(present_code()), &origin())), Err(Error::InvalidCredentials)));
    block_on(service.login(with_code(recovery_code()), &origin())).unwrap();
}

#[test]
fn what_is_pending_is_not_asked_for() {
    let mut mocks = Mocks::default().signs();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    let pending = SecondFactor::Pending(SealedSecret(b"sealed".into()));
    mocks.second_factors.expect_find().returning(move |_| Ok(Some(pending.clone())));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    block_on(mocks.service().login(login("right"), &origin())).unwrap();
}
