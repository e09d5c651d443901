//! Sessions.

use std::time::Duration;

use entrepot_domain::{
    UserId,
    auth::{NewSession, RotateError, Rotation, TokenHash},
};
use entrepot_testkit::{at, by, cause, new_user, session, session_id, user_id};

use super::about;
use crate::Stores;

async fn ada(h: &impl Stores) -> UserId {
    let new = new_user("ada");
    h.users().insert(&new, &cause(at(0))).await.unwrap();
    new.user.id
}

/// Each entry has its sessions.
pub async fn opened_and_ended_sessions_are_logged(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let opened: Vec<NewSession> = (1..=3).map(|n| session(n, ada, &format!("token {n}"), at(1))).collect();
    for new in &opened {
        sessions.open(new).await.unwrap();
    }
    let (one, all) = (by(ada, at(2)), by(ada, at(3)));
    assert!(sessions.end(ada, session_id(2), &one).await.unwrap());
    let ended = sessions.end_all(ada, &all).await.unwrap();
    assert_eq!(ended.len(), 2);
    let mut expected: Vec<_> = opened.iter().map(|new| new.cause.session_started(new)).collect();
    expected.push(one.session_ended(ada, session_id(2)));
    expected.push(all.all_sessions_ended(ada, &ended));
    assert_eq!(about(h, ada.0).await[1..], expected);
}

/// For sessions that have ended, belong to others, or never existed.
pub async fn ending_no_session_is_not_logged(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    sessions.open(&session(1, ada, "one", at(1))).await.unwrap();
    sessions.end(ada, session_id(1), &by(ada, at(2))).await.unwrap();
    let before = super::all(h).await;
    assert_eq!(before.len(), 3);
    assert!(!sessions.end(ada, session_id(1), &by(ada, at(3))).await.unwrap());
    assert!(!sessions.end(user_id(404), session_id(1), &cause(at(3))).await.unwrap());
    assert!(sessions.end_all(ada, &by(ada, at(3))).await.unwrap().is_empty());
    assert!(sessions.open(&session(2, user_id(404), "two", at(3))).await.is_err());
    assert_eq!(super::all(h).await, before);
}

/// Although the rotation is refused. Successful rotations are not logged.
pub async fn reused_refresh_token_is_logged(h: &impl Stores) {
    let (sessions, ada) = (h.sessions(), ada(h).await);
    let new = session(1, ada, "one", at(1));
    sessions.open(&new).await.unwrap();
    let rotation = |next: &str, seconds| Rotation {
        session: new.id,
        presented: TokenHash::of("one"),
        next: session(9, ada, next, at(seconds)).refresh,
        cause: cause(at(seconds)),
        grace: Duration::ZERO,
    };
    sessions.rotate(&rotation("two", 2)).await.unwrap();
    let (reuse, late) = (rotation("three", 3), rotation("four", 4));
    assert!(matches!(sessions.rotate(&reuse).await, Err(RotateError::Reused)));
    assert!(matches!(sessions.rotate(&late).await, Err(RotateError::Ended)));
    let expected = [new.cause.session_started(&new), reuse.cause.refresh_token_reused(ada, new.id)];
    assert_eq!(about(h, ada.0).await[1..], expected);
}
