//! The contract of [`AccountTokenRepository`](entrepot_domain::user::AccountTokenRepository).

mod mail;
mod reset;

use chrono::Duration;
use entrepot_domain::{
    Direction, Email, Sort, Timestamp, UserId,
    account_token::{AccountSecret, AccountToken, MAX_TOKENS_IN_WINDOW, TokenMail, TokenPurpose},
    audit::{AuditAction, AuditEntry},
    auth::{PasswordHash, TokenHash},
    job::{JobFilter, JobQuery, JobSort},
    user::{PasswordReset, User, UserChange},
};
use entrepot_testkit::{at, by, email, job, user_id};

pub use mail::*;
pub use reset::*;

use crate::{Stores, user::insert, walk::page};

/// Generates a test per case: `entrepot_contract::account_token_suite!(harness())`.
#[macro_export]
macro_rules! account_token_suite {
    ($harness:expr) => {
        $crate::suite! { account_token, $harness,
            token_is_issued_with_its_mail,
            token_is_good_for_its_purpose_until_it_expires,
            user_is_sent_a_bounded_number_of_tokens,
            token_for_another_email_is_not_issued,
            verified_email_needs_no_token,
            email_is_verified_once_for_each_token,
            changed_email_ends_its_tokens_and_queues_a_mail,
            erased_user_has_no_tokens,
            new_user_is_sent_a_mail,
            reset_sets_the_password_and_ends_sessions_and_other_tokens,
            one_of_two_concurrent_resets_succeeds,
            new_password_ends_the_tokens_that_reset_it,
            login_from_another_device_is_told_of,
            device_is_remembered_after_its_session,
        }
    };
}

const VERIFICATION: TokenPurpose = TokenPurpose::EmailVerification;
const RESET: TokenPurpose = TokenPurpose::PasswordReset;

fn hash(n: u8) -> TokenHash {
    AccountSecret::from_random([n; 32]).hash()
}

/// Token number `n` for a user, and job number `n` of the kind `mail`.
fn token(n: u8, user: &User, purpose: TokenPurpose, now: Timestamp) -> TokenMail {
    let secret = AccountSecret::from_random([n; 32]);
    let token = AccountToken::new(&secret, user.id, purpose, user.email.clone(), now);
    TokenMail { token, job: job(n.into(), "mail") }
}

/// How many jobs are queued.
async fn queued(h: &impl Stores) -> usize {
    let query = JobQuery {
        filter: JobFilter::default(),
        sort: Sort::by(JobSort::CreatedAt, Direction::Ascending),
        window: page(1, 100),
    };
    h.job_list().list(&query).await.unwrap().items.len()
}

async fn ada(h: &impl Stores) -> User {
    insert(&*h.users(), "ada").await
}

/// The audit entries of an action about a user.
async fn logged(h: &impl Stores, user: UserId, action: AuditAction) -> Vec<AuditEntry> {
    let mut entries = crate::audit::about(h, user.0).await;
    entries.retain(|entry| entry.action == action);
    entries
}

fn reset(n: u8, password: &str) -> PasswordReset {
    PasswordReset {
        token: hash(n),
        password: PasswordHash(password.to_owned()),
        mail: job(u128::from(n) + 1_000, "mail"),
    }
}

/// In one transaction; the token is found by its hash and purpose.
pub async fn token_is_issued_with_its_mail(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    assert!(tokens.issue(&token(1, &ada, RESET, at(0))).await.unwrap());
    assert_eq!(queued(h).await, 1);
    assert_eq!(tokens.owner(&hash(1), RESET, at(0)).await.unwrap(), Some(ada.id));
    assert_eq!(tokens.owner(&hash(2), RESET, at(0)).await.unwrap(), None);
    let nobody = User { id: user_id(404), ..ada };
    assert!(!tokens.issue(&token(2, &nobody, RESET, at(0))).await.unwrap());
    assert_eq!(queued(h).await, 1);
}

pub async fn token_is_good_for_its_purpose_until_it_expires(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    for (n, purpose, other) in [(1, RESET, VERIFICATION), (2, VERIFICATION, RESET)] {
        assert!(tokens.issue(&token(n, &ada, purpose, at(0))).await.unwrap());
        assert_eq!(tokens.owner(&hash(n), other, at(0)).await.unwrap(), None);
        let end = at(0) + Duration::from_std(purpose.ttl()).unwrap();
        let before = end - Duration::milliseconds(1);
        assert_eq!(tokens.owner(&hash(n), purpose, before).await.unwrap(), Some(ada.id));
        assert_eq!(tokens.owner(&hash(n), purpose, end).await.unwrap(), None);
        match purpose {
            TokenPurpose::PasswordReset => {
                assert!(tokens.reset_password(&reset(n, "late"), &by(ada.id, end)).await.unwrap().is_none());
            }
            TokenPurpose::EmailVerification => {
                assert!(tokens.verify_email(&hash(n), &by(ada.id, end)).await.unwrap().is_none());
            }
        }
    }
    // A token for one purpose is good for no other.
    assert!(tokens.verify_email(&hash(1), &by(ada.id, at(1))).await.unwrap().is_none());
    assert!(tokens.reset_password(&reset(2, "wrong"), &by(ada.id, at(1))).await.unwrap().is_none());
    assert_eq!(h.users().find(ada.id).await.unwrap(), Some(ada));
}

/// Also those that were used count; an hour later there are more.
pub async fn user_is_sent_a_bounded_number_of_tokens(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    let most = u8::try_from(MAX_TOKENS_IN_WINDOW).unwrap();
    for n in 1..=most {
        assert!(tokens.issue(&token(n, &ada, RESET, at(n.into()))).await.unwrap(), "{n}");
    }
    tokens.reset_password(&reset(1, "new"), &by(ada.id, at(10))).await.unwrap().unwrap();
    assert!(!tokens.issue(&token(100, &ada, RESET, at(11))).await.unwrap());
    assert_eq!(tokens.owner(&hash(100), RESET, at(11)).await.unwrap(), None);
    // Those for another purpose, and of another user, are counted apart.
    assert!(tokens.issue(&token(101, &ada, VERIFICATION, at(11))).await.unwrap());
    let bob = insert(&*h.users(), "bob").await;
    assert!(tokens.issue(&token(102, &bob, RESET, at(11))).await.unwrap());
    assert!(tokens.issue(&token(103, &ada, RESET, at(1) + Duration::hours(1))).await.unwrap());
    assert!(!tokens.issue(&token(104, &ada, RESET, at(1) + Duration::hours(1))).await.unwrap());
}

pub async fn token_for_another_email_is_not_issued(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    let other = User { email: email("other@example.com"), ..ada };
    for purpose in [RESET, VERIFICATION] {
        assert!(!tokens.issue(&token(1, &other, purpose, at(0))).await.unwrap());
    }
    assert_eq!(queued(h).await, 0);
}

pub async fn verified_email_needs_no_token(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    assert!(tokens.issue(&token(1, &ada, VERIFICATION, at(0))).await.unwrap());
    tokens.verify_email(&hash(1), &by(ada.id, at(1))).await.unwrap().unwrap();
    assert!(!tokens.issue(&token(2, &ada, VERIFICATION, at(2))).await.unwrap());
    assert!(tokens.issue(&token(3, &ada, RESET, at(2))).await.unwrap());
}

/// The user gets another version and an audit entry, once.
pub async fn email_is_verified_once_for_each_token(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    for n in 1..=2 {
        assert!(tokens.issue(&token(n, &ada, VERIFICATION, at(0))).await.unwrap());
    }
    let why = by(ada.id, at(1));
    let verified = tokens.verify_email(&hash(1), &why).await.unwrap().unwrap();
    assert_eq!(verified, ada.verify_email(at(1)).unwrap());
    assert_eq!(h.users().find(ada.id).await.unwrap(), Some(verified.clone()));
    assert!(tokens.verify_email(&hash(1), &by(ada.id, at(2))).await.unwrap().is_none());
    assert_eq!(tokens.verify_email(&hash(2), &by(ada.id, at(2))).await.unwrap(), Some(verified));
    let entries = logged(h, ada.id, AuditAction::EmailVerified).await;
    assert_eq!(entries, [why.email_verified(ada.id)]);
}

/// An email that is set again, also in another case, is another one; an equal one is none.
pub async fn changed_email_ends_its_tokens_and_queues_a_mail(h: &impl Stores) {
    let (ada, tokens, users) = (ada(h).await, h.account_tokens(), h.users());
    for (n, purpose) in [(1, VERIFICATION), (2, RESET)] {
        assert!(tokens.issue(&token(n, &ada, purpose, at(0))).await.unwrap());
    }
    let to = |n, address: Email, now| {
        let mail = token(n, &User { email: address.clone(), ..ada.clone() }, VERIFICATION, now);
        UserChange { email: Some(address), verification: Some(mail), ..UserChange::default() }
    };
    users.update(ada.id, &to(3, ada.email.clone(), at(1)), None, &by(ada.id, at(1))).await.unwrap();
    assert_eq!(queued(h).await, 2, "the email is the same");
    assert_eq!(tokens.owner(&hash(1), VERIFICATION, at(1)).await.unwrap(), Some(ada.id));

    users.update(ada.id, &to(4, email("countess@example.com"), at(2)), None, &by(ada.id, at(2))).await.unwrap();
    assert_eq!(queued(h).await, 3);
    for (n, purpose) in [(1, VERIFICATION), (2, RESET), (3, VERIFICATION)] {
        assert_eq!(tokens.owner(&hash(n), purpose, at(2)).await.unwrap(), None, "{n}");
    }
    assert_eq!(tokens.owner(&hash(4), VERIFICATION, at(2)).await.unwrap(), Some(ada.id));
    // Neither are those of the first email good again when it comes back.
    users.update(ada.id, &to(5, ada.email.clone(), at(3)), None, &by(ada.id, at(3))).await.unwrap();
    assert!(tokens.verify_email(&hash(1), &by(ada.id, at(3))).await.unwrap().is_none());
    assert!(tokens.verify_email(&hash(4), &by(ada.id, at(3))).await.unwrap().is_none());
    assert!(tokens.verify_email(&hash(5), &by(ada.id, at(3))).await.unwrap().unwrap().email_verified);
}

pub async fn erased_user_has_no_tokens(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    for (n, purpose) in [(1, VERIFICATION), (2, RESET)] {
        assert!(tokens.issue(&token(n, &ada, purpose, at(0))).await.unwrap());
    }
    h.users().erase(ada.id, None, &by(ada.id, at(1))).await.unwrap();
    assert_eq!(tokens.owner(&hash(2), RESET, at(1)).await.unwrap(), None);
    assert!(tokens.verify_email(&hash(1), &by(ada.id, at(1))).await.unwrap().is_none());
    assert!(tokens.reset_password(&reset(2, "new"), &by(ada.id, at(1))).await.unwrap().is_none());
    assert!(!tokens.issue(&token(3, &ada, RESET, at(1))).await.unwrap());
}
