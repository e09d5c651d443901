//! Logins whose credentials change before the session is opened.

use entrepot_domain::{
    Timestamp, UserId,
    auth::{CheckedCredentials, NewSession, OpenError, PasswordHash, RotateError, Rotation, SessionRepository},
    second_factor::{Confirmation, RecoveryHash, SealedSecret, SecondFactorRepository, TimeStep},
    user::UserChange,
};
use entrepot_testkit::{at, cause, password, session, session_id};

use super::{GRACE, ada, rotation};
use crate::{Stores, at_once, user::insert};

/// A new password, or the same one hashed again.
fn new_password() -> UserChange {
    UserChange { password: Some(PasswordHash("another hash".to_owned())), ..UserChange::default() }
}

/// Enables this secret, and keeps no session.
async fn protect(factors: &dyn SecondFactorRepository, user: UserId, secret: &SealedSecret, now: Timestamp) {
    let (secret, recovery) = (secret.clone(), vec![RecoveryHash([1; 32])]);
    factors.begin(user, &secret, now).await.unwrap();
    let confirmation = Confirmation { secret, step: TimeStep(100), recovery, keep: session_id(404) };
    assert!(factors.confirm(user, &confirmation, &cause(now)).await.unwrap().is_some());
}

async fn assert_outdated(sessions: &dyn SessionRepository, new: &NewSession) {
    let refused = sessions.open(new).await;
    assert!(matches!(refused, Err(OpenError::Outdated)), "{refused:?}");
    assert_eq!(sessions.access(new.id, new.cause.at).await.unwrap(), None);
}

/// The password was correct when it was checked; the change ended all sessions.
pub async fn login_with_an_old_password_opens_no_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let mut new = session(1, ada, "one", at(2));
    h.users().update(ada, &new_password(), None, &cause(at(1))).await.unwrap();
    assert_outdated(&*sessions, &new).await;
    new.checked.password = new_password().password.unwrap();
    sessions.open(&new).await.unwrap();
}

/// Neither with a code of another secret. A pending second factor requires no code.
pub async fn login_without_the_enabled_second_factor_opens_no_session(h: &impl Stores) {
    let (sessions, factors, ada) = (h.sessions(), h.second_factors(), ada(h).await);
    let [one, two] = [1, 2].map(|n| SealedSecret(vec![n; 48]));
    factors.begin(ada, &one, at(0)).await.unwrap();
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    protect(&*factors, ada, &two, at(1)).await;
    assert_outdated(&*sessions, &session(2, ada, "two", at(2))).await;
    let by = |secret| CheckedCredentials { password: password(ada), second_factor: Some(secret) };
    assert_outdated(&*sessions, &NewSession { checked: by(one), ..session(2, ada, "two", at(2)) }).await;
    sessions.open(&NewSession { checked: by(two), ..session(2, ada, "two", at(2)) }).await.unwrap();
}

pub async fn removed_second_factor_does_not_prevent_a_session(h: &impl Stores) {
    let (sessions, factors, ada) = (h.sessions(), h.second_factors(), ada(h).await);
    let secret = SealedSecret(vec![1; 48]);
    protect(&*factors, ada, &secret, at(0)).await;
    assert!(factors.remove(ada, &cause(at(1))).await.unwrap());
    let checked = CheckedCredentials { password: password(ada), second_factor: Some(secret) };
    sessions.open(&NewSession { checked, ..session(1, ada, "one", at(2)) }).await.unwrap();
}

/// Either the session is opened first and then ended, or it is refused.
pub async fn login_does_not_survive_a_concurrent_change(h: &impl Stores) {
    let (sessions, secret) = (h.sessions(), SealedSecret(vec![1; 48]));
    for round in 0..12 {
        let user = insert(&*h.users(), &format!("ada{round}")).await.id;
        h.second_factors().begin(user, &secret, at(0)).await.unwrap();
        at_once((0..9).map(|n| {
            let (users, sessions, factors, secret) = (h.users(), h.sessions(), h.second_factors(), secret.clone());
            async move {
                match (n, round % 3) {
                    (4, 0) => drop(users.update(user, &new_password(), None, &cause(at(1))).await.unwrap()),
                    (4, 1) => drop(users.erase(user, None, &cause(at(1))).await.unwrap()),
                    (4, _) => protect(&*factors, user, &secret, at(1)).await,
                    _ => {
                        let opened = sessions.open(&session(round * 10 + n + 1, user, "token", at(1))).await;
                        assert!(matches!(opened, Ok(()) | Err(OpenError::Outdated)), "{opened:?}");
                    }
                }
            }
        }))
        .await;
        assert_eq!(sessions.list(user, at(2)).await.unwrap(), [], "round {round}");
    }
}

pub async fn refresh_does_not_survive_a_concurrent_change(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    for round in 0..6 {
        let new = NewSession { id: session_id(round + 1), ..session(1, ada, "one", at(0)) };
        let opened = CheckedCredentials { password: password_after(round, ada), second_factor: None };
        sessions.open(&NewSession { checked: opened, ..new.clone() }).await.unwrap();
        at_once((0..8).map(|n| {
            let (users, sessions) = (h.users(), h.sessions());
            let rotation = Rotation { session: new.id, ..rotation("one", "two", at(1), GRACE) };
            let change = UserChange { password: Some(password_after(round + 1, ada)), ..UserChange::default() };
            async move {
                if n == 4 {
                    users.update(ada, &change, None, &cause(at(1))).await.unwrap();
                } else {
                    let rotated = sessions.rotate(&rotation).await;
                    assert!(matches!(rotated, Ok(_) | Err(RotateError::Ended)), "{rotated:?}");
                }
            }
        }))
        .await;
        assert_eq!(sessions.access(new.id, at(2)).await.unwrap(), None, "round {round}");
    }
}

/// The password hash after `changes` changes.
fn password_after(changes: u128, user: UserId) -> PasswordHash {
    if changes == 0 { password(user) } else { PasswordHash(format!("hash {changes}")) }
}
