//! Changes of users.

use entrepot_domain::{
    ApiKeyId, SessionId, Version,
    audit::{AuditAction, Cause, Who},
    auth::PasswordHash,
    user::{NewUser, PersonName, Role, Roles, User, UserChange},
};
use entrepot_testkit::{at, by, cause, email, id, new_user, session, session_id, user, user_id};

use super::{about, all};
use crate::{Stores, at_once};

/// A user by session, an API key, the command line, or an anonymous client; with and without an origin.
pub async fn initiator_of_a_change_is_logged(h: &impl Stores) {
    let sessions: [Option<SessionId>; 2] = [Some(session_id(7)), None];
    let mut causes = vec![cause(at(1)), Cause { who: Who::CommandLine, origin: None, ..cause(at(2)) }];
    for (seconds, session) in (3..).zip(sessions) {
        let mut by = cause(at(seconds) + chrono::Duration::milliseconds(1));
        by.who = Who::User { id: user_id(500), session };
        if let Some(origin) = &mut by.origin {
            origin.address = "2001:db8::1".parse().unwrap();
        }
        causes.push(by);
    }
    let machine = Who::ApiKey { user: user_id(500), key: ApiKeyId(id(8)) };
    causes.push(Cause { who: machine, ..cause(at(6)) });
    let mut expected = Vec::new();
    for (n, cause) in (1..).zip(&causes) {
        let new = NewUser { user: user(n), password: PasswordHash("hash".to_owned()), verification: None };
        h.users().insert(&new, cause).await.unwrap();
        expected.push(cause.user_registered(&new.user));
    }
    assert_eq!(all(h).await, expected);
}

/// With the old and new values.
pub async fn changes_of_users_are_logged(h: &impl Stores) {
    let (users, new, admin) = (h.users(), new_user("ada"), user_id(900));
    let ada = new.user.id;
    let causes: Vec<_> = (1..=5).map(|seconds| by(admin, at(seconds))).collect();
    users.insert(&new, &causes[0]).await.unwrap();
    let change = UserChange {
        name: Some(PersonName::parse("Countess").unwrap()),
        email: Some(email("countess@example.com")),
        ..UserChange::default()
    };
    let changed = users.update(ada, &change, None, &causes[1]).await.unwrap().user;
    let roles = Roles::new([Role::Customer, Role::Staff]).unwrap();
    let staff = users.set_roles(ada, roles, None, &causes[2]).await.unwrap().user;
    let mut expected = vec![causes[0].user_registered(&new.user)];
    expected.extend(causes[1].user_changed(&new.user, &changed, None));
    expected.push(causes[2].roles_changed(&changed, &staff));
    assert_eq!(about(h, ada.0).await, expected);

    users.erase(ada, None, &causes[3]).await.unwrap();
    assert_eq!(all(h).await.last(), Some(&causes[3].user_deleted(ada, &[])));
}

/// A name that changes with it has an entry too.
pub async fn new_password_is_logged_with_the_sessions_it_ended(h: &impl Stores) {
    let (users, new) = (h.users(), new_user("ada"));
    let ada = new.user.id;
    users.insert(&new, &cause(at(0))).await.unwrap();
    for n in 1..=2 {
        h.sessions().open(&session(n, ada, &format!("token {n}"), at(0))).await.unwrap();
    }
    let change = UserChange {
        name: Some(PersonName::parse("Countess").unwrap()),
        password: Some(PasswordHash("secret".to_owned())),
        keep: Some(session_id(1)),
        ..UserChange::default()
    };
    let why = by(ada, at(1));
    let is = users.update(ada, &change, None, &why).await.unwrap().user;
    let entries = about(h, ada.0).await;
    let expected = why.user_changed(&new.user, &is, Some(&[session_id(2)]));
    assert_eq!(expected.len(), 2);
    assert!(entries.ends_with(&expected), "{entries:#?}");
    assert!(!format!("{entries:?}").contains("secret"));
}

pub async fn refused_change_of_a_user_is_not_logged(h: &impl Stores) {
    let users = h.users();
    let (ada, bob) = (new_user("ada"), new_user("bob"));
    let admin = User { roles: Roles::new([Role::Admin]).unwrap(), ..user(900) };
    let admin = NewUser { user: admin, password: PasswordHash("hash".to_owned()), verification: None };
    for new in [&ada, &bob, &admin] {
        users.insert(new, &cause(at(0))).await.unwrap();
    }
    let before = all(h).await;
    assert_eq!(before.len(), 3);
    let (id, why) = (ada.user.id, cause(at(1)));
    let taken = NewUser {
        user: User { id: user_id(404), ..ada.user.clone() },
        password: ada.password.clone(),
        verification: None,
    };
    assert!(users.insert(&taken, &why).await.is_err());
    let readdress = UserChange { email: Some(bob.user.email.clone()), ..UserChange::default() };
    assert!(users.update(id, &readdress, None, &why).await.is_err());
    let stale = Some(Version(9));
    assert!(users.update(id, &UserChange::default(), stale, &why).await.is_err());
    assert!(users.set_roles(id, Roles::CUSTOMER, stale, &why).await.is_err());
    assert!(users.erase(id, stale, &why).await.is_err());
    assert!(users.set_roles(user_id(404), Roles::CUSTOMER, None, &why).await.is_err());
    assert!(users.set_roles(admin.user.id, Roles::CUSTOMER, None, &why).await.is_err());
    assert!(users.erase(admin.user.id, None, &why).await.is_err());
    assert_eq!(all(h).await, before);
}

pub async fn only_successful_concurrent_changes_are_logged(h: &impl Stores) {
    let (users, new) = (h.users(), new_user("ada"));
    users.insert(&new, &cause(at(0))).await.unwrap();
    let answers = at_once((0..8).map(|n| {
        let (users, id) = (users.clone(), new.user.id);
        let name = Some(PersonName::parse(&format!("ada {n}")).unwrap());
        let change = UserChange { name, ..UserChange::default() };
        async move {
            let why = cause(at(1));
            let changed = users.update(id, &change, Some(Version(1)), &why).await;
            changed.ok().map(|changed| (why, changed.user))
        }
    }))
    .await;
    let [(why, is)] = answers.into_iter().flatten().collect::<Vec<_>>().try_into().unwrap();
    let entries = about(h, new.user.id.0).await;
    assert_eq!(entries[1..], why.user_changed(&new.user, &is, None));
}

/// The values of name and email are erased; the actions, and entries about others, are kept.
pub async fn personal_data_of_an_erased_user_is_erased_from_the_log(h: &impl Stores) {
    let users = h.users();
    let (ada, bob) = (new_user("ada"), new_user("bob"));
    for new in [&ada, &bob] {
        users.insert(new, &cause(at(0))).await.unwrap();
    }
    let id = ada.user.id;
    let rename = |name: &str| UserChange { name: Some(PersonName::parse(name).unwrap()), ..UserChange::default() };
    let readdress = UserChange { email: Some(email("lovelace@example.com")), ..UserChange::default() };
    users.update(id, &rename("Countess"), None, &cause(at(1))).await.unwrap();
    users.update(id, &readdress, None, &cause(at(2))).await.unwrap();
    users.update(bob.user.id, &rename("Robert"), None, &by(id, at(3))).await.unwrap();
    let mut others = about(h, bob.user.id.0).await;
    assert!(format!("{:?}", all(h).await).contains("lovelace"));

    // A refused erasure erases nothing.
    let before = all(h).await;
    assert!(users.erase(id, Some(Version(1)), &cause(at(4))).await.is_err());
    assert_eq!(all(h).await, before);
    users.erase(id, None, &cause(at(4))).await.unwrap();

    let left = about(h, id.0).await;
    let told = format!("{left:?}");
    for word in ["ada", "Countess", "lovelace", "example.com"] {
        assert!(!told.contains(word), "{word}: {told}");
    }
    let actions: Vec<_> = left.iter().map(|entry| entry.action).collect();
    let updated = AuditAction::UserUpdated;
    assert_eq!(actions, [AuditAction::UserRegistered, updated, updated, AuditAction::UserDeleted]);
    assert!(left.iter().all(|entry| entry.origin.is_some()));
    let fields: Vec<_> =
        left[0].changes.iter().map(|change| (change.field.as_str(), change.after.as_deref())).collect();
    assert_eq!(fields, [("name", None), ("email", None), ("roles", Some("customer"))]);
    // The addresses of others are kept; those of her own sessions and keys are not.
    for entry in others.iter_mut().filter(|entry| entry.who == by(id, at(0)).who) {
        entry.origin.as_mut().unwrap().address = None;
    }
    assert_eq!(about(h, bob.user.id.0).await, others);
    let addresses: Vec<_> = left.iter().map(|entry| entry.origin.as_ref().unwrap().address.is_some()).collect();
    assert_eq!(addresses, [false, true, true, true], "her sign-up is hers, though nobody was known then");
}
