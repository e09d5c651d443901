//! Login with a password.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use async_trait::async_trait;
use entrepot_application::{Error, LoginThrottle};
use entrepot_domain::{
    Fault, Quota, RateLimitDecision, RateLimiter, Subject,
    audit::Origin,
    auth::{CheckedCredentials, MockLoginObserver, OpenError, PasswordHash, TokenHash},
    second_factor::{SealedSecret, SecondFactor},
    user::Credentials,
};
use futures_executor::block_on;

use crate::{
    Mocks,
    common::{CountingLimiter, credentials, origin, throttle, user, user_id},
    login_with,
};

#[test]
fn login_opens_a_session_and_signs_a_pair() {
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
    let pair = block_on(mocks.service().login(login_with("secret"), &origin())).unwrap();
    assert_eq!(pair.expires_in, Duration::from_mins(15));
    assert_eq!(pair.user, user(1));
}

/// The credentials change between the check and the opening of the session.
#[test]
fn credentials_that_change_during_a_login_are_checked_once_more() {
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
        .withf(|new| new.checked == CheckedCredentials { password: PasswordHash("old".into()), second_factor: None })
        .times(1)
        .returning(|_| Err(OpenError::Outdated));
    let error = block_on(mocks.service().login(login_with("secret"), &origin())).unwrap_err();
    assert!(matches!(error, Error::InvalidCredentials));

    let mut mocks = Mocks::default().signs();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    let in_force = SecondFactor::InForce { secret: SealedSecret(b"sealed".into()), recovery_codes_left: 9 };
    let mut factors = [None, Some(in_force)].into_iter();
    mocks.second_factors.expect_find().times(2).returning(move |_| Ok(factors.next().unwrap()));
    mocks.sessions.expect_open().times(1).returning(|_| Err(OpenError::Outdated));
    let error = block_on(mocks.service().login(login_with("secret"), &origin())).unwrap_err();
    assert!(matches!(error, Error::SecondFactorRequired));
}

#[test]
fn credentials_that_keep_changing_refuse_the_login() {
    let mut mocks = Mocks::default().signs().without_second_factor();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    mocks.sessions.expect_open().times(2).returning(|_| Err(OpenError::Outdated));
    let error = block_on(mocks.service().login(login_with("secret"), &origin())).unwrap_err();
    assert!(matches!(error, Error::InvalidCredentials));
}

#[test]
fn unknown_email_is_hashed_and_refused_like_a_wrong_password() {
    for known in [true, false] {
        let mut mocks = Mocks::default();
        mocks.users.expect_credentials_by_email().returning(move |_| Ok(known.then(|| credentials(1))));
        mocks.hasher.expect_verify().withf(move |_, hash| hash.is_some() == known).times(1).returning(|_, _| Ok(false));
        let error = block_on(mocks.service().login(login_with("wrong"), &origin())).unwrap_err();
        assert!(matches!(error, Error::InvalidCredentials));
    }
}

#[test]
fn sixth_guess_is_not_checked() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() };
    mocks.users.expect_credentials_by_email().times(5).returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().times(5).returning(|_, _| Ok(false));
    let service = mocks.service();
    for _ in 0..5 {
        assert!(matches!(block_on(service.login(login_with("wrong"), &origin())), Err(Error::InvalidCredentials)));
    }
    assert!(matches!(block_on(service.login(login_with("right"), &origin())), Err(Error::RateLimited { .. })));
}

#[test]
fn guesses_from_one_ipv6_network_are_counted_together() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() };
    mocks.users.expect_credentials_by_email().times(5).returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().times(5).returning(|_, _| Ok(false));
    let service = mocks.service();
    let from = |host: u16| Origin { address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, host].into(), ..origin() };
    for host in 1..=5 {
        let refused = block_on(service.login(login_with("wrong"), &from(host)));
        assert!(matches!(refused, Err(Error::InvalidCredentials)), "{host}");
    }
    for host in 6..=8 {
        let refused = block_on(service.login(login_with("wrong"), &from(host)));
        assert!(matches!(refused, Err(Error::RateLimited { limit: "login", .. })), "{host}");
    }
}

#[test]
fn successful_logins_are_not_counted() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.signs().without_second_factor();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    let service = mocks.service();
    for _ in 0..9 {
        block_on(service.login(login_with("right"), &origin())).unwrap();
    }
    assert_eq!(limiter.logins(), 0);
}

#[test]
fn failed_store_is_not_a_wrong_password() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() };
    mocks
        .users
        .expect_credentials_by_email()
        .returning(|_| Err(Fault::unavailable("sqlite", std::io::Error::other("locked"))));
    let error = block_on(mocks.service().login(login_with("right"), &origin())).unwrap_err();
    assert_eq!(error.code(), "unavailable");
    assert_eq!(limiter.logins(), 0);
}

#[test]
fn observer_is_told_how_each_login_ended() {
    for (right, outcome) in [(true, Ok(())), (false, Err("invalid_credentials"))] {
        let mut mocks = Mocks::default().signs().without_second_factor();
        mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
        mocks.hasher.expect_verify().returning(move |_, _| Ok(right));
        mocks.sessions.expect_open().returning(|_| Ok(()));
        let mut observer = MockLoginObserver::new();
        observer.expect_login_ended().withf(move |told| *told == outcome).times(1).return_const(());
        mocks.logins = Some(observer);
        drop(block_on(mocks.service().login(login_with("secret"), &origin())));
    }
}

/// A limiter that never answers.
struct Hanging;

#[async_trait]
impl RateLimiter for Hanging {
    async fn hit(&self, _: &Subject, _: Quota) -> RateLimitDecision {
        std::future::pending().await
    }

    async fn peek(&self, _: &Subject, _: Quota) -> RateLimitDecision {
        std::future::pending().await
    }
}

#[test]
fn login_that_its_caller_gives_up_on_is_unavailable() {
    let mut observer = MockLoginObserver::new();
    observer.expect_login_ended().withf(|told| *told == Err("unavailable")).times(1).return_const(());
    let quota = Quota { limit: 5, window: Duration::from_mins(15) };
    let throttle = Arc::new(LoginThrottle::new(Arc::new(Hanging), Some(quota)));
    let service = Mocks { throttle: Some(throttle), logins: Some(observer), ..Mocks::default() }.service();
    let origin = origin();
    let mut login = pin!(service.login(login_with("secret"), &origin));
    assert!(login.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}
