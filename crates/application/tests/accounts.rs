//! Forgotten passwords, and the verification of emails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{by_key, clock, credentials, customer, ids, mails, now, origin, user, user_id};
use entrepot_application::{
    Error,
    account::{AccountPorts, AccountService},
};
use entrepot_domain::{
    Email, JobId,
    account_token::{AccountSecret, TokenPurpose},
    api_key::Scope,
    audit::Who,
    auth::{MockPasswordHasher, PasswordHash, PlainPassword},
    job::MockJobQueue,
    user::{ChangedUser, MockAccountTokenRepository, MockUserRepository, User},
};
use futures_executor::block_on;

#[derive(Default)]
struct Mocks {
    users: MockUserRepository,
    tokens: MockAccountTokenRepository,
    queue: MockJobQueue,
    hasher: MockPasswordHasher,
}

impl Mocks {
    fn service(self) -> AccountService {
        AccountService::new(AccountPorts {
            users: Arc::new(self.users),
            tokens: Arc::new(self.tokens),
            queue: Arc::new(self.queue),
            hasher: Arc::new(self.hasher),
            mails: mails(),
            clock: clock(),
            ids: ids(),
        })
    }
}

fn secret() -> AccountSecret {
    AccountSecret::from_random([7; 32])
}

fn password() -> PlainPassword {
    PlainPassword::parse("a better horse").unwrap()
}

fn is_of_the_token<T>(answer: Result<T, Error>) -> bool {
    matches!(answer, Err(Error::Validation(fields)) if fields.len() == 1 && fields[0].field == "token")
}

#[test]
fn request_for_a_new_password_only_queues_a_job() {
    // No other port is asked, so an email that has an account takes the same time as one that has none.
    let mut mocks = Mocks::default();
    mocks.queue.expect_enqueue().withf(|jobs| jobs[0].payload.text == "ada@example.com").times(1).returning(|jobs| {
        assert_eq!(jobs.len(), 1);
        Ok(vec![JobId(jobs[0].id.0)])
    });
    block_on(mocks.service().forgot_password(&Email::parse("ada@example.com").unwrap())).unwrap();
}

#[test]
fn user_of_the_email_is_mailed_a_token() {
    let mut mocks = Mocks::default();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(Some(credentials(1))));
    mocks
        .tokens
        .expect_issue()
        .withf(|mail| {
            mail.token.user == user_id(1)
                && mail.token.hash == secret().hash()
                && mail.token.email == user(1).email
                && mail.token.purpose == TokenPurpose::PasswordReset
                && mail.token.expires_at == now() + TokenPurpose::PasswordReset.ttl()
        })
        .times(1)
        .returning(|_| Ok(true));
    assert!(block_on(mocks.service().mail_password_reset(&Email::parse("ADA@example.com").unwrap())).unwrap());

    let mut mocks = Mocks::default();
    mocks.users.expect_credentials_by_email().returning(|_| Ok(None));
    assert!(!block_on(mocks.service().mail_password_reset(&user(1).email)).unwrap());
}

#[test]
fn password_is_hashed_only_for_a_good_token() {
    for token in ["nonsense", secret().expose()] {
        let mut mocks = Mocks::default();
        mocks.tokens.expect_owner().returning(|_, _, _| Ok(None));
        assert!(is_of_the_token(block_on(mocks.service().reset_password(token, &password(), &origin()))));
    }
}

#[test]
fn reset_is_done_as_the_user_of_the_token() {
    let reset = |is_live: bool| {
        let mut mocks = Mocks::default();
        mocks
            .tokens
            .expect_owner()
            .withf(|token, purpose, at| {
                *token == secret().hash() && *purpose == TokenPurpose::PasswordReset && *at == now()
            })
            .returning(|_, _, _| Ok(Some(user_id(1))));
        mocks.hasher.expect_hash().times(1).returning(|_| Ok(PasswordHash("new".to_owned())));
        mocks
            .tokens
            .expect_reset_password()
            .withf(|reset, cause| {
                reset.token == secret().hash()
                    && reset.password == PasswordHash("new".to_owned())
                    && cause.who == Who::User { id: user_id(1), session: None }
            })
            .times(1)
            .returning(move |_, _| Ok(is_live.then(|| ChangedUser { user: user(1), sessions: vec![] })));
        block_on(mocks.service().reset_password(secret().expose(), &password(), &origin()))
    };
    reset(true).unwrap();
    // It was used while the password was hashed.
    assert!(is_of_the_token(reset(false)));
}

#[test]
fn email_is_verified_with_its_token() {
    for known in [true, false] {
        let mut mocks = Mocks::default();
        mocks
            .tokens
            .expect_owner()
            .withf(|_, purpose, _| *purpose == TokenPurpose::EmailVerification)
            .returning(move |_, _, _| Ok(known.then(|| user_id(1))));
        mocks.tokens.expect_verify_email().times(usize::from(known)).returning(|_, _| Ok(Some(user(1))));
        let answer = block_on(mocks.service().verify_email(secret().expose(), &origin()));
        assert!(answer.is_ok() == known && (known || is_of_the_token(answer)));
    }
}

#[test]
fn mail_is_sent_again_until_the_email_is_verified() {
    for (email_verified, mails) in [(false, 1), (true, 0)] {
        let mut mocks = Mocks::default();
        mocks.users.expect_find().returning(move |_| Ok(Some(User { email_verified, ..user(1) })));
        mocks.tokens.expect_issue().times(mails).returning(|_| Ok(true));
        block_on(mocks.service().resend_verification(&customer(1))).unwrap();
    }
    let refused = block_on(Mocks::default().service().resend_verification(&by_key(customer(1), &[Scope::UsersRead])));
    assert!(matches!(refused, Err(Error::LoginRequired)));
}
