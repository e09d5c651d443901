//! The contract of [`UserRepository`].

mod list;

use std::sync::Arc;

use entrepot_domain::{
    Sort, UserId, Version,
    auth::PasswordHash,
    user::{NewUser, PersonName, Role, Roles, User, UserChange, UserError, UserFilter, UserQuery, UserRepository},
};
use entrepot_testkit::{at, cause, email, new_user, password, session, session_id, user, user_id};

pub use list::*;

use crate::{Stores, at_once, walk::page};

/// Generates a test per case: `entrepot_contract::user_suite!(harness())`.
#[macro_export]
macro_rules! user_suite {
    ($harness:expr) => {
        $crate::suite! { user, $harness,
            inserted_user_is_found,
            several_users_are_found_at_once,
            email_is_unique_without_case,
            one_of_two_inserts_of_the_same_email_succeeds,
            update_changes_only_the_given_fields,
            changed_email_is_unverified_and_the_same_email_is_not,
            email_of_another_user_is_refused,
            stale_version_of_a_user_is_refused,
            unknown_user_cannot_be_changed,
            one_of_two_changes_of_the_same_user_version_succeeds,
            new_password_ends_other_sessions,
            change_with_an_old_current_password_is_refused,
            new_name_ends_no_session,
            new_roles_return_the_live_sessions,
            last_admin_is_kept,
            one_of_two_concurrently_demoted_admins_remains,
            one_of_two_concurrently_erased_admins_remains,
            erased_user_is_not_found,
            erased_email_can_be_used_again,
            erasing_a_user_ends_their_sessions,
            search_ignores_case_and_wildcards,
            users_are_filtered_by_role,
            page_has_the_total_count,
            keyset_and_page_listings_of_users_agree,
        }
    };
}

pub(crate) async fn insert(users: &dyn UserRepository, name: &str) -> User {
    let new = new_user(name);
    users.insert(&new, &cause(at(0))).await.unwrap();
    new.user
}

async fn insert_admin(users: &dyn UserRepository, name: &str) -> User {
    let mut new = new_user(name);
    new.user.roles = Roles::new([Role::Customer, Role::Admin]).unwrap();
    users.insert(&new, &cause(at(0))).await.unwrap();
    new.user
}

fn rename(name: &str) -> UserChange {
    UserChange { name: Some(PersonName::parse(name).unwrap()), ..UserChange::default() }
}

fn readdress(address: &str) -> UserChange {
    UserChange { email: Some(email(address)), ..UserChange::default() }
}

async fn names(users: &dyn UserRepository, filter: UserFilter) -> Vec<String> {
    let query = UserQuery { filter, sort: Sort::parse("name").unwrap(), window: page(1, 100) };
    let found = users.list(&query).await.unwrap();
    found.items.into_iter().map(|user| user.name.as_str().to_owned()).collect()
}

/// By identifier and by email in any case, with and without the password; an unknown user is not found.
pub async fn inserted_user_is_found(h: &impl Stores) {
    let users = h.users();
    let mut new = new_user("Ada");
    new.user.roles = Roles::new([Role::Staff, Role::Customer]).unwrap();
    new.user.email_verified = true;
    new.user.created_at = at(0) + chrono::Duration::milliseconds(123);
    users.insert(&new, &cause(at(0))).await.unwrap();
    assert_eq!(users.find(new.user.id).await.unwrap(), Some(new.user.clone()));
    for address in ["Ada@example.com", "aDA@EXAMPLE.com"] {
        let found = users.credentials_by_email(&email(address)).await.unwrap().unwrap();
        assert_eq!((found.user, found.password), (new.user.clone(), new.password.clone()));
    }
    let found = users.credentials(new.user.id).await.unwrap().unwrap();
    assert_eq!((found.user, found.password), (new.user, new.password));

    assert_eq!(users.find(user_id(404)).await.unwrap(), None);
    assert!(users.credentials(user_id(404)).await.unwrap().is_none());
    assert!(users.credentials_by_email(&email("nobody@example.com")).await.unwrap().is_none());
}

/// Also for non-ASCII emails, and with either encoding of the domain.
pub async fn email_is_unique_without_case(h: &impl Stores) {
    let users = h.users();
    let new = |n, address| NewUser {
        user: User { email: email(address), ..user(n) },
        password: PasswordHash("hash".to_owned()),
        verification: None,
    };
    users.insert(&new(1, "søren@example.com"), &cause(at(0))).await.unwrap();
    let refused = users.insert(&new(2, "SØREN@Example.com"), &cause(at(0))).await;
    assert!(matches!(refused, Err(UserError::EmailTaken)), "{refused:?}");
    assert_eq!(users.find(user_id(2)).await.unwrap(), None);
    users.insert(&new(3, "x@München.example"), &cause(at(0))).await.unwrap();
    let punycode = "x@xn--mnchen-3ya.example";
    let refused = users.insert(&new(4, punycode), &cause(at(0))).await;
    assert!(matches!(refused, Err(UserError::EmailTaken)), "{refused:?}");
    let known = users.credentials_by_email(&email(punycode)).await.unwrap().unwrap();
    assert_eq!(known.user.email.as_str(), "x@München.example", "as it was written");
}

pub async fn one_of_two_inserts_of_the_same_email_succeeds(h: &impl Stores) {
    let users = h.users();
    let answers = at_once((1..=8).map(|n| {
        let users = users.clone();
        let user = User { email: email("ada@example.com"), ..user(n) };
        async move {
            users
                .insert(&NewUser { user, password: PasswordHash("hash".to_owned()), verification: None }, &cause(at(0)))
                .await
        }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let taken = |answer: &&Result<(), UserError>| matches!(answer, Err(UserError::EmailTaken));
    assert_eq!(answers.iter().filter(taken).count(), 7, "{answers:?}");
    assert_eq!(names(&*users, UserFilter::default()).await.len(), 1);
}

/// The version is incremented.
pub async fn update_changes_only_the_given_fields(h: &impl Stores) {
    let users = h.users();
    let ada = insert(&*users, "ada").await;
    let changed = users.update(ada.id, &rename("Countess"), Some(Version(1)), &cause(at(9))).await.unwrap();
    let expected =
        User { name: PersonName::parse("Countess").unwrap(), version: Version(2), updated_at: at(9), ..ada.clone() };
    assert_eq!((changed.user, changed.sessions), (expected.clone(), vec![]));
    let found = users.credentials(ada.id).await.unwrap().unwrap();
    assert_eq!((found.user, found.password), (expected, new_user("ada").password));
}

/// A changed email is unverified; an equal one stays verified.
pub async fn changed_email_is_unverified_and_the_same_email_is_not(h: &impl Stores) {
    let users = h.users();
    let mut new = new_user("ada");
    new.user.email_verified = true;
    users.insert(&new, &cause(at(0))).await.unwrap();
    let same = users.update(new.user.id, &readdress("ada@example.com"), None, &cause(at(1))).await.unwrap().user;
    assert!(same.email_verified);
    let other = users.update(new.user.id, &readdress("countess@example.com"), None, &cause(at(2))).await.unwrap().user;
    assert!(!other.email_verified);
    assert_eq!(users.find(new.user.id).await.unwrap(), Some(other));
    assert!(users.credentials_by_email(&email("ada@example.com")).await.unwrap().is_none());
    assert!(users.credentials_by_email(&email("countess@example.com")).await.unwrap().is_some());
}

/// Nothing is changed. A user may change the case of their own email.
pub async fn email_of_another_user_is_refused(h: &impl Stores) {
    let users = h.users();
    let (ada, bob) = (insert(&*users, "ada").await, insert(&*users, "bob").await);
    let change = UserChange { password: Some(PasswordHash("new".to_owned())), ..readdress("BOB@example.com") };
    let refused = users.update(ada.id, &change, None, &cause(at(1))).await;
    assert!(matches!(refused, Err(UserError::EmailTaken)), "{refused:?}");
    let found = users.credentials(ada.id).await.unwrap().unwrap();
    assert_eq!((found.user, found.password), (ada, new_user("ada").password));
    let own = users.update(bob.id, &readdress("BOB@example.com"), None, &cause(at(1))).await.unwrap().user;
    assert_eq!(own.email.as_str(), "BOB@example.com");
}

/// For every kind of change.
pub async fn stale_version_of_a_user_is_refused(h: &impl Stores) {
    let users = h.users();
    let ada = insert(&*users, "ada").await;
    let stale = Some(Version(2));
    let update = users.update(ada.id, &rename("Countess"), stale, &cause(at(1))).await;
    assert!(matches!(update, Err(UserError::VersionConflict)), "{update:?}");
    let roles = users.set_roles(ada.id, Roles::CUSTOMER, stale, &cause(at(1))).await;
    assert!(matches!(roles, Err(UserError::VersionConflict)), "{roles:?}");
    let erase = users.erase(ada.id, stale, &cause(at(1))).await;
    assert!(matches!(erase, Err(UserError::VersionConflict)), "{erase:?}");
    assert_eq!(users.find(ada.id).await.unwrap(), Some(ada));
}

async fn assert_not_found(users: &dyn UserRepository, id: UserId, expected: Option<Version>) {
    let update = users.update(id, &rename("Countess"), expected, &cause(at(5))).await;
    assert!(matches!(update, Err(UserError::NotFound)), "{update:?}");
    let roles = users.set_roles(id, Roles::CUSTOMER, expected, &cause(at(5))).await;
    assert!(matches!(roles, Err(UserError::NotFound)), "{roles:?}");
    let erase = users.erase(id, expected, &cause(at(5))).await;
    assert!(matches!(erase, Err(UserError::NotFound)), "{erase:?}");
}

/// With and without an expected version.
pub async fn unknown_user_cannot_be_changed(h: &impl Stores) {
    let users = h.users();
    assert_not_found(&*users, user_id(404), None).await;
    assert_not_found(&*users, user_id(404), Some(Version(1))).await;
}

pub async fn one_of_two_changes_of_the_same_user_version_succeeds(h: &impl Stores) {
    let users = h.users();
    let ada = insert(&*users, "ada").await;
    let answers = at_once((0..8).map(|n| {
        let users = users.clone();
        async move { users.update(ada.id, &rename(&format!("ada {n}")), Some(Version(1)), &cause(at(1))).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(users.find(ada.id).await.unwrap().unwrap().version, Version(2));
}

/// Except the one to keep, and those of others.
pub async fn new_password_ends_other_sessions(h: &impl Stores) {
    let (users, sessions) = (h.users(), h.sessions());
    let (ada, bob) = (insert(&*users, "ada").await, insert(&*users, "bob").await);
    for (n, owner) in [(1, ada.id), (2, ada.id), (3, ada.id), (4, bob.id)] {
        sessions.open(&session(n, owner, &format!("token {n}"), at(0))).await.unwrap();
    }
    let password = PasswordHash("new".to_owned());
    let change = UserChange { password: Some(password.clone()), keep: Some(session_id(2)), ..UserChange::default() };
    let mut changed = users.update(ada.id, &change, None, &cause(at(1))).await.unwrap();
    changed.sessions.sort_unstable();
    assert_eq!(changed.sessions, [session_id(1), session_id(3)]);
    assert_eq!(users.credentials(ada.id).await.unwrap().unwrap().password, password);
    for (n, alive) in [(1, false), (2, true), (3, false), (4, true)] {
        assert_eq!(sessions.access(session_id(n), at(2)).await.unwrap().is_some(), alive, "session {n}");
    }
    let changed = users.update(ada.id, &UserChange { keep: None, ..change }, None, &cause(at(2))).await.unwrap();
    assert_eq!(changed.sessions, [session_id(2)]);
}

/// The password that was checked has changed since.
pub async fn change_with_an_old_current_password_is_refused(h: &impl Stores) {
    let users = h.users();
    let ada = insert(&*users, "ada").await;
    let to = |new: &str| UserChange {
        password: Some(PasswordHash(new.to_owned())),
        proved: Some(password(ada.id)),
        ..rename("Countess")
    };
    users.update(ada.id, &to("new"), None, &cause(at(1))).await.unwrap();
    let before = users.credentials(ada.id).await.unwrap().unwrap();
    let refused = users.update(ada.id, &to("thief's"), None, &cause(at(2))).await;
    assert!(matches!(refused, Err(UserError::PasswordChanged)), "{refused:?}");
    let after = users.credentials(ada.id).await.unwrap().unwrap();
    assert_eq!((after.user, after.password), (before.user, before.password));
    // A version conflict is reported first.
    let stale = users.update(ada.id, &to("thief's"), Some(Version(1)), &cause(at(2))).await;
    assert!(matches!(stale, Err(UserError::VersionConflict)), "{stale:?}");
}

pub async fn new_name_ends_no_session(h: &impl Stores) {
    let (users, sessions) = (h.users(), h.sessions());
    let ada = insert(&*users, "ada").await;
    sessions.open(&session(1, ada.id, "token", at(0))).await.unwrap();
    let changed = users.update(ada.id, &rename("Countess"), None, &cause(at(1))).await.unwrap();
    assert_eq!(changed.sessions, []);
    assert!(sessions.access(session_id(1), at(2)).await.unwrap().is_some());
}

/// They stay live with the new roles; ended ones are not returned.
pub async fn new_roles_return_the_live_sessions(h: &impl Stores) {
    let (users, sessions) = (h.users(), h.sessions());
    let ada = insert(&*users, "ada").await;
    for n in 1..=3 {
        sessions.open(&session(n, ada.id, &format!("token {n}"), at(0))).await.unwrap();
    }
    sessions.end(ada.id, session_id(1), &cause(at(1))).await.unwrap();
    let staff = Roles::new([Role::Staff]).unwrap();
    let mut changed = users.set_roles(ada.id, staff, Some(Version(1)), &cause(at(2))).await.unwrap();
    changed.sessions.sort_unstable();
    assert_eq!(changed.sessions, [session_id(2), session_id(3)]);
    assert_eq!(changed.user, User { roles: staff, version: Version(2), updated_at: at(2), ..ada.clone() });
    assert_eq!(users.find(ada.id).await.unwrap(), Some(changed.user));
    assert_eq!(sessions.access(session_id(2), at(3)).await.unwrap().unwrap().roles, staff);
    // After an hour they have expired.
    assert_eq!(users.set_roles(ada.id, staff, None, &cause(at(3_600))).await.unwrap().sessions, []);
}

/// Can neither be demoted nor erased; another set of roles with the admin role is possible.
pub async fn last_admin_is_kept(h: &impl Stores) {
    let users = h.users();
    assert!(!users.has_admin().await.unwrap());
    insert(&*users, "customer").await;
    assert!(!users.has_admin().await.unwrap());
    let ada = insert_admin(&*users, "ada").await;
    assert!(users.has_admin().await.unwrap());

    let demote = users.set_roles(ada.id, Roles::CUSTOMER, None, &cause(at(1))).await;
    assert!(matches!(demote, Err(UserError::LastAdmin)), "{demote:?}");
    let erase = users.erase(ada.id, None, &cause(at(1))).await;
    assert!(matches!(erase, Err(UserError::LastAdmin)), "{erase:?}");
    assert_eq!(users.find(ada.id).await.unwrap(), Some(ada.clone()));
    users.set_roles(ada.id, Roles::new([Role::Admin]).unwrap(), None, &cause(at(2))).await.unwrap();

    let bob = insert_admin(&*users, "bob").await;
    users.set_roles(ada.id, Roles::CUSTOMER, None, &cause(at(3))).await.unwrap();
    let last = users.erase(bob.id, None, &cause(at(4))).await;
    assert!(matches!(last, Err(UserError::LastAdmin)), "{last:?}");
}

async fn assert_one_admin_stays(
    users: &Arc<dyn UserRepository>,
    undo: impl AsyncFn(&dyn UserRepository, UserId) -> Result<(), UserError> + Copy,
    answers: Vec<Result<(), UserError>>,
) {
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    let last = |answer: &&Result<(), UserError>| matches!(answer, Err(UserError::LastAdmin));
    assert_eq!(answers.iter().filter(last).count(), 1, "{answers:?}");
    let admins = UserFilter { role: Some(Role::Admin), ..UserFilter::default() };
    let left = names(&**users, admins).await;
    assert_eq!(left.len(), 1);
    let again = undo(&**users, new_user(&left[0]).user.id).await;
    assert!(matches!(again, Err(UserError::LastAdmin)), "{again:?}");
}

pub async fn one_of_two_concurrently_demoted_admins_remains(h: &impl Stores) {
    async fn demote(users: &dyn UserRepository, id: UserId) -> Result<(), UserError> {
        users.set_roles(id, Roles::CUSTOMER, None, &cause(at(1))).await.map(drop)
    }
    let users = h.users();
    let mut jobs = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let (users, admin) = (users.clone(), insert_admin(&*users, name).await);
        jobs.push(async move { demote(&*users, admin.id).await });
    }
    let answers = at_once(jobs).await;
    assert_one_admin_stays(&users, demote, answers).await;
}

pub async fn one_of_two_concurrently_erased_admins_remains(h: &impl Stores) {
    async fn erase(users: &dyn UserRepository, id: UserId) -> Result<(), UserError> {
        users.erase(id, None, &cause(at(1))).await.map(drop)
    }
    let users = h.users();
    let mut jobs = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let (users, admin) = (users.clone(), insert_admin(&*users, name).await);
        jobs.push(async move { erase(&*users, admin.id).await });
    }
    let answers = at_once(jobs).await;
    assert_one_admin_stays(&users, erase, answers).await;
}

/// Checks every method.
pub async fn erased_user_is_not_found(h: &impl Stores) {
    let users = h.users();
    let ada = insert(&*users, "ada").await;
    insert(&*users, "bob").await;
    assert_eq!(users.erase(ada.id, Some(Version(1)), &cause(at(1))).await.unwrap(), []);
    assert_eq!(users.find(ada.id).await.unwrap(), None);
    assert!(users.credentials(ada.id).await.unwrap().is_none());
    assert!(users.credentials_by_email(&ada.email).await.unwrap().is_none());
    assert_eq!(names(&*users, UserFilter::default()).await, ["bob"]);
    let all = UserQuery { filter: UserFilter::default(), sort: Sort::parse("name").unwrap(), window: page(1, 1) };
    assert_eq!(users.list(&all).await.unwrap().total, Some(1));
    assert_not_found(&*users, ada.id, None).await;
}

/// The new user is independent of the erased one, and can be erased as well.
pub async fn erased_email_can_be_used_again(h: &impl Stores) {
    let users = h.users();
    for n in 1..=3 {
        let new = NewUser {
            user: User { email: email("ada@example.com"), ..user(n) },
            password: PasswordHash("hash".to_owned()),
            verification: None,
        };
        users.insert(&new, &cause(at(0))).await.unwrap();
        assert_eq!(users.credentials_by_email(&new.user.email).await.unwrap().unwrap().user, new.user);
        users.erase(user_id(n), None, &cause(at(1))).await.unwrap();
    }
}

/// The ended sessions are returned.
pub async fn erasing_a_user_ends_their_sessions(h: &impl Stores) {
    let (users, sessions) = (h.users(), h.sessions());
    let (ada, bob) = (insert(&*users, "ada").await, insert(&*users, "bob").await);
    for (n, owner) in [(1, ada.id), (2, ada.id), (3, bob.id)] {
        sessions.open(&session(n, owner, &format!("token {n}"), at(0))).await.unwrap();
    }
    let mut ended = users.erase(ada.id, None, &cause(at(1))).await.unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [session_id(1), session_id(2)]);
    assert_eq!(sessions.access(session_id(1), at(2)).await.unwrap(), None);
    assert_eq!(sessions.list(ada.id, at(2)).await.unwrap(), []);
    assert!(sessions.access(session_id(3), at(2)).await.unwrap().is_some());
}
