//! The contract of [`SessionRepository`].

mod checked;

use std::time::Duration;

pub use checked::*;
use entrepot_domain::{
    Timestamp, UserId,
    auth::{
        NewSession, OpenError, RefreshState, RotateError, Rotated, Rotation, Session, SessionRepository, TokenHash,
    },
    user::{Role, Roles},
};
use entrepot_testkit::{at, cause, id, session, session_id, user_id};

use crate::{Stores, at_once, user::insert};

/// Generates a test per case: `entrepot_contract::session_suite!(harness())`.
#[macro_export]
macro_rules! session_suite {
    ($harness:expr) => {
        $crate::suite! { session, $harness,
            open_session_has_access,
            unknown_user_opens_no_session,
            session_access_follows_the_roles,
            session_expires,
            ending_a_session_ends_only_that_session,
            only_the_user_of_a_session_ends_it,
            ending_all_sessions_returns_the_live_ones,
            list_has_the_live_sessions_last_used_first,
            rotation_replaces_the_refresh_token,
            rotation_extends_the_session,
            reused_refresh_token_ends_the_session,
            old_refresh_token_ends_the_session,
            unknown_refresh_token_ends_the_session,
            previous_token_within_the_grace_period_returns_the_same_successor,
            previous_token_after_the_grace_period_is_reuse,
            grace_period_applies_only_to_the_previous_token,
            ended_session_is_not_rotated,
            session_of_an_erased_user_is_not_rotated,
            erased_user_opens_no_session,
            login_with_an_old_password_opens_no_session,
            login_without_the_enabled_second_factor_opens_no_session,
            removed_second_factor_does_not_prevent_a_session,
            login_does_not_survive_a_concurrent_change,
            refresh_does_not_survive_a_concurrent_change,
            one_of_two_concurrent_rotations_succeeds,
            concurrent_rotations_within_the_grace_period_agree,
        }
    };
}

const NONE: Duration = Duration::ZERO;
const GRACE: Duration = Duration::from_secs(10);

async fn ada(h: &impl Stores) -> UserId {
    insert(&*h.users(), "ada").await.id
}

/// A new refresh token that expires an hour after `now`.
fn next(token: &str, now: Timestamp) -> RefreshState {
    let n = token.bytes().fold(1, |n: u128, byte| n * 257 + u128::from(byte));
    let expires_at = now + chrono::Duration::hours(1);
    RefreshState { hash: TokenHash::of(token), id: id(n), issued_at: now, expires_at }
}

/// A rotation of session 1 from `presented` to `successor`.
fn rotation(presented: &str, successor: &str, now: Timestamp, grace: Duration) -> Rotation {
    let presented = TokenHash::of(presented);
    Rotation { session: session_id(1), presented, next: next(successor, now), cause: cause(now), grace }
}

async fn alive(sessions: &dyn SessionRepository, n: u128, now: Timestamp) -> bool {
    sessions.access(session_id(n), now).await.unwrap().is_some()
}

fn shown(new: NewSession) -> Session {
    Session {
        id: new.id,
        user: new.user,
        device: new.device,
        created_at: new.cause.at,
        last_used_at: new.cause.at,
        expires_at: new.refresh.expires_at,
    }
}

/// Returns user and roles; the device may be unknown.
pub async fn open_session_has_access(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let mut unknown = session(2, ada, "two", at(1));
    unknown.device = entrepot_domain::auth::Device::default();
    let mut sixth = session(3, ada, "three", at(0));
    sixth.device.address = Some("2001:db8::1".parse().unwrap());
    sessions.open(&unknown).await.unwrap();
    sessions.open(&sixth).await.unwrap();
    let access = sessions.access(session_id(2), at(1)).await.unwrap().unwrap();
    assert_eq!((access.user, access.roles), (ada, Roles::CUSTOMER));
    assert_eq!(sessions.list(ada, at(1)).await.unwrap(), [shown(unknown), shown(sixth)]);
    assert_eq!(sessions.access(session_id(404), at(1)).await.unwrap(), None);
}

/// The user may have been erased since the password was checked.
pub async fn unknown_user_opens_no_session(h: &impl Stores) {
    let sessions = h.sessions();
    let refused = sessions.open(&session(1, user_id(404), "one", at(0))).await;
    assert!(matches!(refused, Err(OpenError::Outdated)), "{refused:?}");
    assert!(!alive(&*sessions, 1, at(0)).await);
}

pub async fn session_access_follows_the_roles(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    let roles = Roles::new([Role::Staff, Role::Admin]).unwrap();
    h.users().set_roles(ada, roles, None, &cause(at(1))).await.unwrap();
    assert_eq!(sessions.access(session_id(1), at(1)).await.unwrap().unwrap().roles, roles);
}

/// To the millisecond.
pub async fn session_expires(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    let last = at(3_600) - chrono::Duration::milliseconds(1);
    assert!(alive(&*sessions, 1, last).await);
    assert!(!alive(&*sessions, 1, at(3_600)).await);
    assert_eq!(sessions.list(ada, last).await.unwrap().len(), 1);
    assert_eq!(sessions.list(ada, at(3_600)).await.unwrap(), []);
    assert!(!sessions.end(ada, session_id(1), &cause(at(3_600))).await.unwrap());
    assert_eq!(sessions.end_all(ada, &cause(at(3_600))).await.unwrap(), []);
    let rotated = sessions.rotate(&rotation("one", "two", at(3_600), GRACE)).await;
    assert!(matches!(rotated, Err(RotateError::Ended)), "{rotated:?}");
}

pub async fn ending_a_session_ends_only_that_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.open(&session(2, ada, "two", at(0))).await.unwrap();
    assert!(sessions.end(ada, session_id(1), &cause(at(1))).await.unwrap());
    assert!(!sessions.end(ada, session_id(1), &cause(at(1))).await.unwrap());
    assert!(!sessions.end(ada, session_id(404), &cause(at(1))).await.unwrap());
    assert!(!alive(&*sessions, 1, at(1)).await);
    assert!(alive(&*sessions, 2, at(1)).await);
}

pub async fn only_the_user_of_a_session_ends_it(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let bob = insert(&*h.users(), "bob").await.id;
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    assert!(!sessions.end(bob, session_id(1), &cause(at(1))).await.unwrap());
    assert_eq!(sessions.end_all(bob, &cause(at(1))).await.unwrap(), []);
    assert!(alive(&*sessions, 1, at(1)).await);
}

/// Sessions of others are not affected.
pub async fn ending_all_sessions_returns_the_live_ones(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let bob = insert(&*h.users(), "bob").await.id;
    for (n, owner) in [(1, ada), (2, ada), (3, ada), (4, bob)] {
        sessions.open(&session(n, owner, &format!("token {n}"), at(0))).await.unwrap();
    }
    sessions.end(ada, session_id(2), &cause(at(1))).await.unwrap();
    let mut ended = sessions.end_all(ada, &cause(at(2))).await.unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [session_id(1), session_id(3)]);
    assert_eq!(sessions.end_all(ada, &cause(at(2))).await.unwrap(), []);
    assert_eq!(sessions.list(ada, at(2)).await.unwrap(), []);
    assert!(alive(&*sessions, 4, at(2)).await);
}

/// A refresh counts as a use.
pub async fn list_has_the_live_sessions_last_used_first(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    for (n, seconds) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        sessions.open(&session(n, ada, if n == 1 { "one" } else { "other" }, at(seconds))).await.unwrap();
    }
    sessions.end(ada, session_id(3), &cause(at(35))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(40), NONE)).await.unwrap();
    let list = sessions.list(ada, at(50)).await.unwrap();
    assert_eq!(list.iter().map(|session| session.id).collect::<Vec<_>>(), [1, 4, 2].map(session_id));
    let first = shown(session(1, ada, "one", at(0)));
    assert_eq!(list[0], Session { last_used_at: at(40), expires_at: at(3_640), ..first });
}

pub async fn rotation_replaces_the_refresh_token(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    for (now, presented, successor) in [(1, "one", "two"), (2, "two", "three"), (3, "three", "four")] {
        let rotated = sessions.rotate(&rotation(presented, successor, at(now), NONE)).await.unwrap();
        assert_eq!(rotated, Rotated { user: ada, refresh: next(successor, at(now)) });
    }
    assert!(alive(&*sessions, 1, at(4)).await);
}

pub async fn rotation_extends_the_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(3_000), NONE)).await.unwrap();
    assert!(alive(&*sessions, 1, at(6_599)).await);
    assert!(!alive(&*sessions, 1, at(6_600)).await);
}

async fn assert_reused(sessions: &dyn SessionRepository, rotation: Rotation) {
    let reused = sessions.rotate(&rotation).await;
    assert!(matches!(reused, Err(RotateError::Reused)), "{reused:?}");
    assert!(!alive(sessions, 1, rotation.cause.at).await);
    // The tokens of both the thief and the owner are invalid now.
    for token in ["one", "two", "three"] {
        let over = sessions.rotate(&Rotation { presented: TokenHash::of(token), ..rotation.clone() }).await;
        assert!(matches!(over, Err(RotateError::Ended)), "{token}: {over:?}");
    }
}

/// RFC 9700 4.14.2; without a grace period also within the same millisecond.
pub async fn reused_refresh_token_ends_the_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.open(&session(2, ada, "other", at(0))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(1), NONE)).await.unwrap();
    assert_reused(&*sessions, rotation("one", "three", at(1), NONE)).await;
    assert!(alive(&*sessions, 2, at(1)).await, "another login of the same user is another family");
}

pub async fn old_refresh_token_ends_the_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(1), NONE)).await.unwrap();
    sessions.rotate(&rotation("two", "three", at(2), NONE)).await.unwrap();
    assert_reused(&*sessions, rotation("one", "four", at(3), NONE)).await;
}

/// It was signed for this session, so it is one of its tokens.
pub async fn unknown_refresh_token_ends_the_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    assert_reused(&*sessions, rotation("stranger", "two", at(1), GRACE)).await;
}

/// For a client that did not receive the response, any number of times within the grace period.
pub async fn previous_token_within_the_grace_period_returns_the_same_successor(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    let first = sessions.rotate(&rotation("one", "two", at(1), GRACE)).await.unwrap();
    for (now, other) in [(1, "three"), (5, "four"), (11, "five")] {
        assert_eq!(sessions.rotate(&rotation("one", other, at(now), GRACE)).await.unwrap(), first);
    }
    let rotated = sessions.rotate(&rotation("two", "three", at(12), GRACE)).await.unwrap();
    assert_eq!(rotated.refresh, next("three", at(12)));
}

/// It begins with the rotation; further requests do not prolong it.
pub async fn previous_token_after_the_grace_period_is_reuse(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(1), GRACE)).await.unwrap();
    sessions.rotate(&rotation("one", "three", at(9), GRACE)).await.unwrap();
    assert_reused(&*sessions, rotation("one", "three", at(11) + chrono::Duration::milliseconds(1), GRACE)).await;
}

pub async fn grace_period_applies_only_to_the_previous_token(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(1), GRACE)).await.unwrap();
    sessions.rotate(&rotation("two", "three", at(2), GRACE)).await.unwrap();
    assert_reused(&*sessions, rotation("one", "four", at(3), GRACE)).await;
}

/// Neither is an unknown one.
pub async fn ended_session_is_not_rotated(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let unknown = sessions.rotate(&rotation("one", "two", at(0), NONE)).await;
    assert!(matches!(unknown, Err(RotateError::Ended)), "{unknown:?}");
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.end(ada, session_id(1), &cause(at(1))).await.unwrap();
    let over = sessions.rotate(&rotation("one", "two", at(2), NONE)).await;
    assert!(matches!(over, Err(RotateError::Ended)), "{over:?}");
    assert!(!alive(&*sessions, 1, at(2)).await);
}

/// Within the grace period and after it.
pub async fn session_of_an_erased_user_is_not_rotated(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    sessions.rotate(&rotation("one", "two", at(1), GRACE)).await.unwrap();
    h.users().erase(ada, None, &cause(at(2))).await.unwrap();
    for token in ["one", "two"] {
        let over = sessions.rotate(&rotation(token, "three", at(3), GRACE)).await;
        assert!(matches!(over, Err(RotateError::Ended)), "{token}: {over:?}");
    }
}

pub async fn erased_user_opens_no_session(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    h.users().erase(ada, None, &cause(at(0))).await.unwrap();
    let refused = sessions.open(&session(1, ada, "one", at(1))).await;
    assert!(matches!(refused, Err(OpenError::Outdated)), "{refused:?}");
    assert_eq!(sessions.list(ada, at(1)).await.unwrap(), []);
    let over = sessions.rotate(&rotation("one", "two", at(2), NONE)).await;
    assert!(matches!(over, Err(RotateError::Ended)), "{over:?}");
}

/// The first rotates; the second is reuse and ends the session, so that all others fail.
pub async fn one_of_two_concurrent_rotations_succeeds(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    let answers = at_once((0..8).map(|n| {
        let sessions = sessions.clone();
        async move { sessions.rotate(&rotation("one", &format!("next {n}"), at(1), NONE)).await }
    }))
    .await;
    let count = |is: fn(&Result<Rotated, RotateError>) -> bool| answers.iter().filter(|answer| is(answer)).count();
    assert_eq!(count(Result::is_ok), 1, "{answers:?}");
    assert_eq!(count(|answer| matches!(answer, Err(RotateError::Reused))), 1, "{answers:?}");
    assert_eq!(count(|answer| matches!(answer, Err(RotateError::Ended))), 6, "{answers:?}");
    assert!(!alive(&*sessions, 1, at(1)).await);
}

/// All get the token of the successful one.
pub async fn concurrent_rotations_within_the_grace_period_agree(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(0))).await.unwrap();
    let answers = at_once((0..8).map(|n| {
        let sessions = sessions.clone();
        async move { sessions.rotate(&rotation("one", &format!("next {n}"), at(1), GRACE)).await.unwrap() }
    }))
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert!(alive(&*sessions, 1, at(1)).await);
}
