//! New passwords.

use entrepot_domain::{audit::AuditAction, auth::PasswordHash, user::UserChange};
use entrepot_testkit::{at, by, job, session, session_id};

use super::{RESET, VERIFICATION, ada, hash, logged, queued, reset, token};
use crate::{Stores, at_once};

/// The mail about it is queued, and the change is audited as any change of a password is.
pub async fn reset_sets_the_password_and_ends_sessions_and_other_tokens(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    h.sessions().open(&session(1, ada.id, "token", at(0))).await.unwrap();
    for (n, purpose) in [(1, RESET), (2, RESET), (3, VERIFICATION)] {
        assert!(tokens.issue(&token(n, &ada, purpose, at(0))).await.unwrap());
    }
    let why = by(ada.id, at(1));
    let changed = tokens.reset_password(&reset(1, "new"), &why).await.unwrap().unwrap();
    assert_eq!((changed.user.version, changed.sessions), (ada.version.next(), vec![session_id(1)]));
    let known = h.users().credentials(ada.id).await.unwrap().unwrap();
    assert_eq!((known.user, known.password), (changed.user.clone(), PasswordHash("new".to_owned())));
    assert_eq!(h.sessions().access(session_id(1), at(1)).await.unwrap(), None);
    assert_eq!(queued(h).await, 4);
    let entries = logged(h, ada.id, AuditAction::PasswordChanged).await;
    assert_eq!(entries, why.user_changed(&ada, &changed.user, Some(&[session_id(1)])));

    for n in 1..=2 {
        assert!(tokens.reset_password(&reset(n, "again"), &by(ada.id, at(2))).await.unwrap().is_none(), "{n}");
    }
    assert_eq!(tokens.owner(&hash(3), VERIFICATION, at(2)).await.unwrap(), Some(ada.id));
    assert_eq!(queued(h).await, 4);
}

pub async fn one_of_two_concurrent_resets_succeeds(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    for n in 1..=2 {
        assert!(tokens.issue(&token(n, &ada, RESET, at(0))).await.unwrap());
    }
    // With the same token, and with another one of the same user.
    let answers = at_once([1, 1, 2, 2].into_iter().enumerate().map(|(number, n)| {
        let (tokens, ada) = (tokens.clone(), ada.clone());
        async move {
            let mut reset = reset(n, "new");
            reset.mail = job(200 + u128::try_from(number).unwrap(), "mail");
            tokens.reset_password(&reset, &by(ada.id, at(1))).await.unwrap()
        }
    }));
    assert_eq!(answers.await.iter().flatten().count(), 1);
}

pub async fn new_password_ends_the_tokens_that_reset_it(h: &impl Stores) {
    let (ada, tokens) = (ada(h).await, h.account_tokens());
    for (n, purpose) in [(1, RESET), (2, VERIFICATION)] {
        assert!(tokens.issue(&token(n, &ada, purpose, at(0))).await.unwrap());
    }
    let change = UserChange {
        password: Some(PasswordHash("new".to_owned())),
        password_mail: Some(job(3, "mail")),
        ..UserChange::default()
    };
    h.users().update(ada.id, &change, None, &by(ada.id, at(1))).await.unwrap();
    assert_eq!(tokens.owner(&hash(1), RESET, at(1)).await.unwrap(), None);
    assert_eq!(tokens.owner(&hash(2), VERIFICATION, at(1)).await.unwrap(), Some(ada.id));
    assert_eq!(queued(h).await, 3);
}
