//! Mails that follow from sign-ups and logins.

use entrepot_domain::{
    auth::{Device, NewSession},
    user::NewUser,
};
use entrepot_testkit::{at, cause, job, new_user, session};

use super::{VERIFICATION, ada, hash, queued, token};
use crate::Stores;

/// In the transaction of the sign-up: one that is refused sends none.
pub async fn new_user_is_sent_a_mail(h: &impl Stores) {
    let new = new_user("ada");
    let with = |n| NewUser { verification: Some(token(n, &new.user, VERIFICATION, at(0))), ..new.clone() };
    h.users().insert(&with(1), &cause(at(0))).await.unwrap();
    assert_eq!(queued(h).await, 1);
    assert_eq!(h.account_tokens().owner(&hash(1), VERIFICATION, at(1)).await.unwrap(), Some(new.user.id));
    let mut again = with(2);
    again.user.id = entrepot_testkit::user_id(404);
    if let Some(mail) = &mut again.verification {
        mail.token.user = again.user.id;
    }
    h.users().insert(&again, &cause(at(0))).await.unwrap_err();
    assert_eq!(queued(h).await, 1);
}

fn login(n: u8, user: entrepot_domain::UserId, agent: Option<&str>) -> NewSession {
    let device = Device { user_agent: agent.map(str::to_owned), address: None };
    let new = session(n.into(), user, &format!("token {n}"), at(n.into()));
    NewSession { device, new_device_mail: Some(job(n.into(), "mail")), ..new }
}

/// Not the first one, and each device once.
pub async fn login_from_another_device_is_told_of(h: &impl Stores) {
    let (ada, sessions) = (ada(h).await, h.sessions());
    for (n, agent, mails) in [
        (1, Some("one"), 0),
        (2, Some("one"), 0),
        (3, Some("two"), 1),
        (4, Some("two"), 1),
        (5, None, 2),
        (6, None, 2),
        (7, Some("one"), 2),
    ] {
        sessions.open(&login(n, ada.id, agent)).await.unwrap();
        assert_eq!(queued(h).await, mails, "{n}");
    }
    let bob = crate::user::insert(&*h.users(), "bob").await;
    sessions.open(&login(8, bob.id, Some("three"))).await.unwrap();
    assert_eq!(queued(h).await, 2, "the first of another user");
}

pub async fn device_is_remembered_after_its_session(h: &impl Stores) {
    let (ada, sessions) = (ada(h).await, h.sessions());
    sessions.open(&login(1, ada.id, Some("one"))).await.unwrap();
    sessions.end_all(ada.id, &cause(at(2))).await.unwrap();
    sessions.open(&login(3, ada.id, Some("one"))).await.unwrap();
    assert_eq!(queued(h).await, 0);
    sessions.end_all(ada.id, &cause(at(4))).await.unwrap();
    sessions.open(&login(5, ada.id, Some("two"))).await.unwrap();
    assert_eq!(queued(h).await, 1);
}
