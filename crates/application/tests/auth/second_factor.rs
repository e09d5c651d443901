//! Login with a second factor.

use std::sync::Arc;

use entrepot_application::{Error, auth::Login};
use entrepot_domain::{
    Subject,
    audit::Origin,
    second_factor::{RecoveryHash, SealedSecret, SecondFactor, SecondFactorCode, TimeStep},
};
use futures_executor::block_on;

use crate::{
    Mocks, app,
    common::{CountingLimiter, credentials, now, origin, throttle, user_id},
    login_with,
};

fn present_code() -> SecondFactorCode {
    SecondFactorCode::Totp(app().code(TimeStep::of(now())))
}

fn recovery_code() -> SecondFactorCode {
    SecondFactorCode::parse("ABCD-EFGH-IJKL-MNOP").unwrap()
}

fn with_code(code: SecondFactorCode) -> Login {
    Login { code: Some(code), ..login_with("right") }
}

fn recovery_hash() -> RecoveryHash {
    let SecondFactorCode::Recovery(code) = recovery_code() else { panic!("no recovery code") };
    code.hash(user_id(1))
}

#[test]
fn missing_code_is_asked_for_and_is_no_failure() {
    let limiter = Arc::new(CountingLimiter::default());
    let mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.with_second_factor();
    let error = block_on(mocks.service().login(login_with("right"), &origin())).unwrap_err();
    assert!(matches!(error, Error::SecondFactorRequired));
    assert_eq!(limiter.logins(), 0);
}

#[test]
fn wrong_password_does_not_reveal_a_second_factor() {
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
fn correct_code_is_accepted_and_consumed() {
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
fn wrong_or_used_code_is_refused_like_a_wrong_password() {
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

/// The number of guesses does not grow with the number of addresses, and the owner of the account can always log in
/// with a recovery code.
#[test]
fn wrong_codes_are_limited_by_account_over_all_addresses() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks { throttle: Some(throttle(&limiter)), ..Mocks::default() }.signs().with_second_factor();
    mocks.second_factors.expect_take_step().returning(|_, _| Ok(true));
    mocks.second_factors.expect_take_recovery_code().returning(|_, code, _| Ok(code == recovery_hash()));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    let service = mocks.service();
    let from = |n: u8| Origin { address: [192, 0, 2, n].into(), ..origin() };
    let wrong = SecondFactorCode::Totp(app().code(TimeStep(TimeStep::of(now()).0 - 9)));
    for n in 0..5 {
        // A correct one in between counts nothing.
        block_on(service.login(with_code(present_code()), &from(100))).unwrap();
        let refused = block_on(service.login(with_code(wrong.clone()), &from(n)));
        assert!(matches!(refused, Err(Error::InvalidCredentials)));
    }
    let Err(Error::RateLimited { limit, .. }) = block_on(service.login(with_code(present_code()), &from(200))) else {
        panic!("a sixth guess was let through");
    };
    assert_eq!((limit, limiter.of(&Subject::Code(user_id(1)))), ("code", 5));
    // A missing code does not count, and neither does a recovery code, even a wrong one.
    assert!(matches!(block_on(service.login(login_with("right"), &from(201))), Err(Error::SecondFactorRequired)));
    let unknown = SecondFactorCode::parse("AAAA-AAAA-AAAA-AAAA").unwrap();
    assert!(matches!(block_on(service.login(with_code(unknown), &from(202))), Err(Error::InvalidCredentials)));
    assert_eq!(limiter.of(&Subject::Code(user_id(1))), 5);
    block_on(service.login(with_code(recovery_code()), &from(203))).unwrap();
}

#[test]
fn secret_that_cannot_be_opened_leaves_recovery_codes_valid() {
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
fn pending_second_factor_is_not_asked_for() {
    let mut mocks = Mocks::default().signs();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks.hasher.expect_verify().returning(|_, _| Ok(true));
    let pending = SecondFactor::Pending(SealedSecret(b"sealed".into()));
    mocks.second_factors.expect_find().returning(move |_| Ok(Some(pending.clone())));
    mocks.sessions.expect_open().returning(|_| Ok(()));
    block_on(mocks.service().login(login_with("right"), &origin())).unwrap();
}
