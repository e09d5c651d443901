//! Lists of entries.

use entrepot_domain::{
    audit::{AuditAction, AuditEntry, AuditFilter, AuditQuery, AuditSort},
    user::{Roles, UserChange},
};
use entrepot_testkit::{at, by, new_user, user_id};

use super::found;
use crate::{
    Stores,
    walk::{assert_walks_agree, single_sorts},
};

/// Changes by Ada and Bob of Ada and Bob, one per second.
async fn done(h: &impl Stores) {
    let users = h.users();
    let mut seconds = 0..;
    let mut next = || at(seconds.next().unwrap());
    let (ada, bob) = (new_user("ada"), new_user("bob"));
    for new in [&ada, &bob] {
        users.insert(new, &by(new.user.id, next())).await.unwrap();
    }
    for actor in [&ada, &bob] {
        for subject in [&ada, &bob] {
            let (actor, subject) = (actor.user.id, subject.user.id);
            users.update(subject, &UserChange::default(), None, &by(actor, next())).await.unwrap();
            users.set_roles(subject, Roles::CUSTOMER, None, &by(actor, next())).await.unwrap();
        }
    }
}

/// By actor, action, subject and time, and by all of them.
pub async fn log_is_filtered(h: &impl Stores) {
    done(h).await;
    let log = h.audit();
    let (ada, bob) = (new_user("ada").user.id, new_user("bob").user.id);
    let none = AuditFilter::default;
    let count = async |filter| found(&*log, filter).await.len();
    assert_eq!(count(none()).await, 10);
    assert_eq!(count(AuditFilter { actor: Some(ada), ..none() }).await, 5);
    assert_eq!(count(AuditFilter { actor: Some(user_id(404)), ..none() }).await, 0);
    assert_eq!(count(AuditFilter { action: Some(AuditAction::RolesChanged), ..none() }).await, 4);
    assert_eq!(count(AuditFilter { action: Some(AuditAction::ProductCreated), ..none() }).await, 0);
    assert_eq!(count(AuditFilter { subject: Some(bob.0), ..none() }).await, 5);
    assert_eq!(count(AuditFilter { from: Some(at(8)), ..none() }).await, 2);
    assert_eq!(count(AuditFilter { to: Some(at(1)), ..none() }).await, 2);
    let one = AuditFilter {
        actor: Some(ada),
        action: Some(AuditAction::RolesChanged),
        subject: Some(bob.0),
        from: Some(at(5)),
        to: Some(at(5)),
    };
    let entries = found(&*log, one).await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].at, entries[0].subject.id()), (at(5), bob.0));
}

/// With each filter, in both directions, with entries of equal times.
pub async fn keyset_and_page_listings_of_the_log_agree(h: &impl Stores) {
    done(h).await;
    let users = h.users();
    let ada = new_user("ada").user.id;
    for _ in 0..4 {
        users.update(ada, &UserChange::default(), None, &by(ada, at(3))).await.unwrap();
    }
    let log = h.audit();
    let of_ada = AuditFilter { actor: Some(ada), subject: Some(ada.0), ..AuditFilter::default() };
    for (filter, count) in [(AuditFilter::default(), 14), (of_ada, 7)] {
        for sort in single_sorts::<AuditSort>() {
            assert_walks_agree::<AuditSort>(&sort, count, async |window| {
                let query = AuditQuery { filter: filter.clone(), sort: sort.clone(), window };
                log.list(&query).await.unwrap()
            })
            .await;
        }
    }
    let newest: Vec<AuditEntry> = found(&*log, AuditFilter::default()).await;
    assert!(newest.is_sorted_by_key(|entry| (entry.at, entry.id)));
}
