//! Second factors.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod common;

use std::{collections::HashSet, sync::Arc};

use common::{
    CountingLimiter, admin, by_key, clock, credentials, customer, ids, no_throttle, now, origin, session_id, staff,
    throttle, user_id,
};
use entrepot_application::{
    Error, LoginThrottle,
    second_factor::{SecondFactorPorts, SecondFactorService, SecondFactorStatus},
};
use entrepot_domain::{
    Subject,
    api_key::{MockRandomness, Scope},
    audit::Origin,
    auth::MockPasswordHasher,
    second_factor::{
        Confirmation, MockSealer, MockSecondFactorRepository, RecoveryCode, SealedSecret, SecondFactor,
        SecondFactorCode, TimeStep, TotpCode, TotpSecret,
    },
    user::MockUserRepository,
};
use futures_executor::block_on;

/// Ports in which Ada's password is `right`.
struct Mocks {
    factors: MockSecondFactorRepository,
    throttle: Arc<LoginThrottle>,
}

impl Mocks {
    fn new() -> Self {
        Self { factors: MockSecondFactorRepository::new(), throttle: no_throttle() }
    }

    fn counting(limiter: &Arc<CountingLimiter>) -> Self {
        Self { throttle: throttle(limiter), ..Self::new() }
    }

    fn pending(mut self) -> Self {
        self.factors.expect_find().returning(|_| Ok(Some(SecondFactor::Pending(sealed()))));
        self
    }

    fn in_force(mut self) -> Self {
        let in_force = SecondFactor::InForce { secret: sealed(), recovery_codes_left: 3 };
        self.factors.expect_find().returning(move |_| Ok(Some(in_force.clone())));
        self
    }

    fn service(self) -> SecondFactorService {
        let mut users = MockUserRepository::new();
        users.expect_credentials().returning(|_| Ok(Some(credentials(1))));
        let mut hasher = MockPasswordHasher::new();
        hasher.expect_verify().returning(|password, _| Ok(password == "right"));
        let mut sealer = MockSealer::new();
        sealer.expect_seal().returning(|user, secret| {
            assert_eq!((user, secret), (user_id(1), app().expose()));
            Ok(sealed())
        });
        sealer.expect_open().returning(|_, _| Ok(Some(app().expose().to_vec().into())));
        let (mut source, mut next) = (MockRandomness::new(), 0_u8);
        source.expect_bytes().returning_st(move || {
            next += 1;
            Ok(random(next))
        });
        SecondFactorService::new(SecondFactorPorts {
            factors: Arc::new(self.factors),
            users: Arc::new(users),
            hasher: Arc::new(hasher),
            sealer: Arc::new(sealer),
            random: Arc::new(source),
            throttle: self.throttle,
            clock: clock(),
            ids: ids(),
        })
    }
}

/// Different bytes for each number.
fn random(n: u8) -> [u8; 32] {
    std::array::from_fn(|place| n * 32 + u8::try_from(place).unwrap())
}

fn app() -> TotpSecret {
    TotpSecret::from_random(&random(1))
}

fn sealed() -> SealedSecret {
    SealedSecret(b"sealed".into())
}

fn present() -> TotpCode {
    app().code(TimeStep::of(now()))
}

fn old() -> TotpCode {
    app().code(TimeStep(TimeStep::of(now()).0 - 5))
}

fn recovery() -> SecondFactorCode {
    SecondFactorCode::Recovery(RecoveryCode::parse("ABCD-EFGH-IJKL-MNOP").unwrap())
}

fn bad_field<T: std::fmt::Debug>(done: Result<T, Error>) -> String {
    let Err(Error::Validation(fields)) = done else { panic!("{done:?}") };
    fields[0].field.clone()
}

#[test]
fn secret_is_stored_sealed_and_returned_with_the_account_name() {
    let mut mocks = Mocks::new();
    mocks
        .factors
        .expect_begin()
        .withf(|user, secret, at| *user == user_id(1) && *secret == sealed() && *at == now())
        .times(1)
        .returning(|_, _, _| Ok(true));
    let begun = block_on(mocks.service().begin(&customer(1), "right", &origin())).unwrap();
    assert_eq!((begun.secret, begun.email.as_str()), (app(), "ada@example.com"));
}

#[test]
fn beginning_needs_the_password_and_a_wrong_one_counts_as_a_failed_login() {
    let limiter = Arc::new(CountingLimiter::default());
    let service = Mocks::counting(&limiter).service();
    assert_eq!(bad_field(block_on(service.begin(&customer(1), "wrong", &origin()))), "currentPassword");
    assert_eq!(limiter.logins(), 1);
}

#[test]
fn enabled_second_factor_cannot_be_begun_again() {
    let mut mocks = Mocks::new().in_force();
    mocks.factors.expect_begin().returning(|_, _, _| Ok(false));
    let service = mocks.service();
    let (actor, code) = (customer(1), present());
    assert_eq!(block_on(service.begin(&actor, "right", &origin())).unwrap_err().code(), "second_factor_enabled");
    assert_eq!(block_on(service.confirm(&actor, &code, &origin())).unwrap_err().code(), "second_factor_enabled");
}

#[test]
fn confirming_with_a_code_enables_it_and_returns_ten_recovery_codes() {
    let mut mocks = Mocks::new().pending();
    let (tell, told) = std::sync::mpsc::channel();
    mocks.factors.expect_confirm().times(1).returning(move |_, confirmation, _| {
        tell.send(confirmation.clone()).unwrap();
        Ok(Some(vec![]))
    });
    let codes = block_on(mocks.service().confirm(&customer(1), &present(), &origin())).unwrap();
    let Confirmation { secret, step, recovery, keep } = told.recv().unwrap();
    assert_eq!((secret, step, keep), (sealed(), TimeStep::of(now()), session_id(1)));
    assert_eq!(codes.iter().map(|code| code.hash(user_id(1))).collect::<Vec<_>>(), recovery);
    assert_eq!(recovery.into_iter().collect::<HashSet<_>>().len(), 10);
}

#[test]
fn wrong_first_code_counts_as_a_failed_login_and_enables_nothing() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks::counting(&limiter).pending();
    mocks.factors.expect_confirm().never();
    assert_eq!(bad_field(block_on(mocks.service().confirm(&customer(1), &old(), &origin()))), "code");
    assert_eq!(limiter.logins(), 1);
}

#[test]
fn replaced_secret_is_not_enabled() {
    let mut mocks = Mocks::new().pending();
    mocks.factors.expect_confirm().returning(|_, _, _| Ok(None));
    assert!(matches!(block_on(mocks.service().confirm(&customer(1), &present(), &origin())), Err(Error::NotFound)));
}

#[test]
fn missing_second_factor_is_not_found() {
    let mut mocks = Mocks::new();
    mocks.factors.expect_find().returning(|_| Ok(None));
    let (service, actor) = (mocks.service(), customer(1));
    assert_eq!(
        block_on(service.status(&actor)).unwrap(),
        SecondFactorStatus { enabled: false, recovery_codes_left: 0 }
    );
    for refused in [
        block_on(service.confirm(&actor, &present(), &origin())).map(drop),
        block_on(service.renew_recovery_codes(&actor, &recovery(), &origin())).map(drop),
        block_on(service.remove(&actor, "right", &recovery(), &origin())),
    ] {
        assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    }
}

#[test]
fn pending_second_factor_is_not_enabled() {
    let status = |mocks: Mocks| block_on(mocks.service().status(&customer(1))).unwrap();
    assert!(!status(Mocks::new().pending()).enabled);
    assert_eq!(status(Mocks::new().in_force()), SecondFactorStatus { enabled: true, recovery_codes_left: 3 });
}

#[test]
fn removing_needs_the_password_and_a_code() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks::counting(&limiter).in_force();
    mocks.factors.expect_take_recovery_code().times(1).returning(|_, _, _| Ok(false));
    mocks.factors.expect_take_recovery_code().times(1).returning(|_, _, _| Ok(true));
    mocks.factors.expect_remove().withf(|user, _| *user == user_id(1)).times(1).returning(|_, _| Ok(true));
    let (service, actor, code) = (mocks.service(), customer(1), recovery());
    assert_eq!(bad_field(block_on(service.remove(&actor, "wrong", &code, &origin()))), "currentPassword");
    assert_eq!(bad_field(block_on(service.remove(&actor, "right", &code, &origin()))), "code");
    assert_eq!(limiter.logins(), 2);
    block_on(service.remove(&actor, "right", &code, &origin())).unwrap();
    assert_eq!(limiter.logins(), 2);
}

#[test]
fn renewing_recovery_codes_needs_a_code() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks::counting(&limiter).in_force();
    mocks.factors.expect_take_step().withf(|_, step| *step == TimeStep::of(now())).returning(|_, _| Ok(true));
    mocks
        .factors
        .expect_renew_recovery_codes()
        .withf(|_, codes, _| codes.len() == 10)
        .times(1)
        .returning(|_, _, _| Ok(true));
    let (service, actor) = (mocks.service(), customer(1));
    let wrong = block_on(service.renew_recovery_codes(&actor, &SecondFactorCode::Totp(old()), &origin()));
    assert_eq!((bad_field(wrong), limiter.logins()), ("code".to_owned(), 1));
    let codes = block_on(service.renew_recovery_codes(&actor, &SecondFactorCode::Totp(present()), &origin()));
    assert_eq!(codes.unwrap().len(), 10);
}

#[test]
fn admins_remove_only_the_second_factors_of_others() {
    let mut mocks = Mocks::new();
    mocks.factors.expect_remove().withf(|user, _| *user == user_id(1)).times(1).returning(|_, _| Ok(true));
    mocks.factors.expect_remove().returning(|_, _| Ok(false));
    let service = mocks.service();
    for actor in [customer(1), staff()] {
        assert!(matches!(block_on(service.remove_of(&actor, user_id(1), &origin())), Err(Error::Forbidden)));
    }
    assert!(
        matches!(block_on(service.remove_of(&admin(), admin().user, &origin())), Err(Error::Forbidden)),
        "that takes a code"
    );
    block_on(service.remove_of(&admin(), user_id(1), &origin())).unwrap();
    assert!(matches!(block_on(service.remove_of(&admin(), user_id(2), &origin())), Err(Error::NotFound)));
}

#[test]
fn api_keys_cannot_manage_second_factors() {
    let (service, machine) = (Mocks::new().service(), by_key(admin(), &Scope::ALL));
    for refused in [
        block_on(service.status(&machine)).map(drop),
        block_on(service.begin(&machine, "right", &origin())).map(drop),
        block_on(service.confirm(&machine, &present(), &origin())).map(drop),
        block_on(service.renew_recovery_codes(&machine, &recovery(), &origin())).map(drop),
        block_on(service.remove(&machine, "right", &recovery(), &origin())),
        block_on(service.remove_of(&machine, user_id(1), &origin())),
    ] {
        assert!(matches!(refused, Err(Error::LoginRequired)), "{refused:?}");
    }
}

/// The holder of a session with many addresses can guess neither code nor password, with any operation.
#[test]
fn wrong_codes_are_limited_per_account() {
    let from = |n: u8| Origin { address: [192, 0, 2, n].into(), ..origin() };
    let wrong = || SecondFactorCode::Totp(old());
    let limit_of = |error: Error| match error {
        Error::RateLimited { limit, .. } => Some(limit),
        _ => None,
    };
    let actor = customer(1);
    let limiter = Arc::new(CountingLimiter::default());
    let mut mocks = Mocks::counting(&limiter).in_force();
    mocks.factors.expect_take_recovery_code().returning(|_, _, _| Ok(true));
    mocks.factors.expect_renew_recovery_codes().returning(|_, _, _| Ok(true));
    let service = mocks.service();
    for n in 0..5 {
        if n % 2 == 0 {
            assert_eq!(bad_field(block_on(service.remove(&actor, "right", &wrong(), &from(n)))), "code");
        } else {
            assert_eq!(bad_field(block_on(service.renew_recovery_codes(&actor, &wrong(), &from(n)))), "code");
        }
    }
    let present = SecondFactorCode::Totp(present());
    let refused = block_on(service.renew_recovery_codes(&actor, &present, &from(100))).unwrap_err();
    assert_eq!(limit_of(refused), Some("code"));
    let refused = block_on(service.remove(&actor, "right", &present, &from(101))).unwrap_err();
    assert_eq!(limit_of(refused), Some("code"));
    block_on(service.renew_recovery_codes(&actor, &recovery(), &from(102))).unwrap();
    for n in 0..5 {
        assert_eq!(bad_field(block_on(service.begin(&actor, "wrong", &from(110 + n)))), "currentPassword");
    }
    let refused = block_on(service.remove(&actor, "right", &recovery(), &from(120))).unwrap_err();
    assert_eq!(limit_of(refused), Some("password"));
    let counts = [Subject::Code(user_id(1)), Subject::Password(user_id(1))].map(|subject| limiter.of(&subject));
    assert_eq!(counts, [5, 5]);

    let limiter = Arc::new(CountingLimiter::default());
    let service = Mocks::counting(&limiter).pending().service();
    for n in 0..5 {
        assert_eq!(bad_field(block_on(service.confirm(&actor, &old(), &from(n)))), "code");
    }
    let refused = block_on(service.confirm(&actor, &old(), &from(100))).unwrap_err();
    assert_eq!(limit_of(refused), Some("code"));
}
