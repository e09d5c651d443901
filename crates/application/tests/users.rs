//! Accounts and roles.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{
    CountingLimiter, admin, clock, credentials, customer, ids, mails, no_throttle, origin, session_id, staff, throttle,
    user, user_id,
};
use entrepot_application::{
    Error, LoginThrottle,
    user::{Registration, UserPorts, UserService, UserUpdate},
};
use entrepot_domain::{
    Direction, Email, Limit, PageNumber, Sort, Subject, Window,
    audit::Origin,
    auth::{MockPasswordHasher, PasswordHash, PlainPassword},
    user::{ChangedUser, MockUserRepository, PersonName, Role, Roles, UserError, UserFilter, UserQuery, UserSort},
};
use futures_executor::block_on;

fn service(users: MockUserRepository, hasher: MockPasswordHasher) -> UserService {
    throttled(users, hasher, no_throttle())
}

fn throttled(users: MockUserRepository, hasher: MockPasswordHasher, throttle: Arc<LoginThrottle>) -> UserService {
    UserService::new(UserPorts {
        users: Arc::new(users),
        hasher: Arc::new(hasher),
        throttle,
        mails: mails(),
        clock: clock(),
        ids: ids(),
    })
}

fn hashing() -> MockPasswordHasher {
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_hash().returning(|_| Ok(PasswordHash("new".into())));
    hasher
}

fn registration() -> Registration {
    Registration {
        name: PersonName::parse("Ada").unwrap(),
        email: Email::parse("ada@example.com").unwrap(),
        password: PlainPassword::parse("correct horse").unwrap(),
    }
}

fn changed() -> ChangedUser {
    ChangedUser { user: user(1), sessions: vec![] }
}

#[test]
fn new_account_is_a_customer() {
    let mut users = MockUserRepository::new();
    users
        .expect_insert()
        .withf(|new, _| new.user.roles == Roles::CUSTOMER && new.password == PasswordHash("new".into()))
        .times(1)
        .returning(|_, _| Ok(()));
    assert!(!block_on(service(users, hashing()).register(registration(), &origin())).unwrap().email_verified);
}

#[test]
fn taken_email_is_refused() {
    let mut users = MockUserRepository::new();
    users.expect_insert().returning(|_, _| Err(UserError::EmailTaken));
    let error = block_on(service(users, hashing()).register(registration(), &origin())).unwrap_err();
    assert_eq!(error.code(), "email_taken");
}

#[test]
fn command_line_creates_admins() {
    let mut users = MockUserRepository::new();
    users.expect_insert().withf(|new, _| new.user.roles.contains(Role::Admin)).times(1).returning(|_, _| Ok(()));
    block_on(service(users, hashing()).create_admin(registration())).unwrap();
}

#[test]
fn only_admins_see_other_users() {
    let read = |actor| {
        let mut users = MockUserRepository::new();
        users.expect_find().returning(|_| Ok(Some(user(1))));
        block_on(service(users, hashing()).get(&actor, user_id(1))).map_err(|error| error.code())
    };
    assert!(read(customer(1)).is_ok());
    assert!(read(admin()).is_ok());
    // Not 403, which would reveal that the user exists.
    assert_eq!(read(customer(2)), Err("not_found"));
    assert_eq!(read(staff()), Err("not_found"));
}

#[test]
fn only_admins_list_users_and_set_roles() {
    let query = UserQuery {
        filter: UserFilter::default(),
        sort: Sort::by(UserSort::Name, Direction::Ascending),
        window: Window::Page { page: PageNumber::default(), limit: Limit::default() },
    };
    for actor in [customer(1), staff()] {
        let service = service(MockUserRepository::new(), hashing());
        assert!(matches!(block_on(service.list(&actor, &query)), Err(Error::Forbidden)));
        let given = block_on(service.set_roles(&actor, actor.user, Roles::CUSTOMER, None, &origin()));
        assert!(matches!(given, Err(Error::Forbidden)));
    }
}

#[test]
fn last_admin_cannot_be_removed() {
    let mut users = MockUserRepository::new();
    users.expect_set_roles().returning(|_, _, _, _| Err(UserError::LastAdmin));
    users.expect_erase().returning(|_, _, _| Err(UserError::LastAdmin));
    let service = service(users, hashing());
    let demoted = block_on(service.set_roles(&admin(), admin().user, Roles::CUSTOMER, None, &origin()));
    assert_eq!(demoted.unwrap_err().code(), "last_admin");
    assert_eq!(block_on(service.delete(&admin(), admin().user, None, &origin())).unwrap_err().code(), "last_admin");
}

fn new_password(current: Option<&str>) -> UserUpdate {
    UserUpdate {
        password: Some(PlainPassword::parse("battery staple").unwrap()),
        current_password: current.map(str::to_owned),
        ..UserUpdate::default()
    }
}

#[test]
fn new_password_needs_the_current_one_and_keeps_the_session() {
    let mut users = MockUserRepository::new();
    users.expect_credentials().returning(|_| Ok(Some(credentials(1))));
    users
        .expect_update()
        .withf(|_, change, _, _| {
            change.keep == Some(session_id(1))
                && change.password.is_some()
                && change.proved == Some(credentials(1).password)
        })
        .times(1)
        .returning(|_, _, _, _| Ok(changed()));
    let mut hasher = hashing();
    hasher.expect_verify().withf(|typed, _| typed == "old").returning(|_, _| Ok(true));
    block_on(service(users, hasher).update(&customer(1), user_id(1), new_password(Some("old")), None, &origin()))
        .unwrap();
}

#[test]
fn password_that_changes_during_its_check_is_wrong() {
    let mut users = MockUserRepository::new();
    users.expect_credentials().returning(|_| Ok(Some(credentials(1))));
    users.expect_update().times(1).returning(|_, _, _, _| Err(UserError::PasswordChanged));
    let mut hasher = hashing();
    hasher.expect_verify().returning(|_, _| Ok(true));
    let update = new_password(Some("old"));
    let error = block_on(service(users, hasher).update(&customer(1), user_id(1), update, None, &origin())).unwrap_err();
    let Error::Validation(fields) = error else { panic!("{error:?}") };
    assert_eq!((fields[0].field.as_str(), fields[0].message.as_str()), ("currentPassword", "is wrong"));
}

#[test]
fn wrong_or_missing_current_password_is_a_validation_error_and_a_failed_login() {
    let limiter = Arc::new(CountingLimiter::default());
    for (typed, failures) in [(None, 1), (Some("wrong"), 2)] {
        let mut users = MockUserRepository::new();
        users.expect_credentials().returning(|_| Ok(Some(credentials(1))));
        let mut hasher = hashing();
        hasher.expect_verify().returning(|_, _| Ok(false));
        let service = throttled(users, hasher, throttle(&limiter));
        let error =
            block_on(service.update(&customer(1), user_id(1), new_password(typed), None, &origin())).unwrap_err();
        let Error::Validation(fields) = error else { panic!("{error:?}") };
        assert_eq!(fields[0].field, "currentPassword");
        assert_eq!(limiter.logins(), failures);
    }
}

/// The holder of a session with many addresses cannot guess the password.
#[test]
fn wrong_passwords_are_limited_per_account() {
    let limiter = Arc::new(CountingLimiter::default());
    let mut users = MockUserRepository::new();
    users.expect_credentials().returning(|_| Ok(Some(credentials(1))));
    let mut hasher = hashing();
    hasher.expect_verify().returning(|_, _| Ok(false));
    let service = throttled(users, hasher, throttle(&limiter));
    let from = |n: u8| Origin { address: [192, 0, 2, n].into(), ..origin() };
    let guess = |typed, n| block_on(service.update(&customer(1), user_id(1), new_password(typed), None, &from(n)));
    for n in 0..5 {
        assert!(matches!(guess(Some("wrong"), n), Err(Error::Validation(_))));
        // A missing password does not count.
        assert!(matches!(guess(None, 100 + n), Err(Error::Validation(_))));
    }
    assert!(matches!(guess(Some("wrong"), 200), Err(Error::RateLimited { limit: "password", .. })));
    assert_eq!(limiter.of(&Subject::Password(user_id(1))), 5);
}

#[test]
fn admins_change_other_users_without_their_password_and_end_all_their_sessions() {
    let mut users = MockUserRepository::new();
    users
        .expect_update()
        .withf(|_, change, _, _| change.keep.is_none() && change.proved.is_none())
        .times(1)
        .returning(|_, _, _, _| Ok(changed()));
    block_on(service(users, hashing()).update(&admin(), user_id(1), new_password(None), None, &origin())).unwrap();
}

#[test]
fn change_of_name_needs_no_password() {
    let mut users = MockUserRepository::new();
    users.expect_update().times(1).returning(|_, _, _, _| Ok(changed()));
    let update = UserUpdate { name: Some(PersonName::parse("Bo").unwrap()), ..UserUpdate::default() };
    block_on(service(users, MockPasswordHasher::new()).update(&customer(1), user_id(1), update, None, &origin()))
        .unwrap();
}
