//! The contract of [`TicketRepository`](entrepot_domain::auth::TicketRepository).

use entrepot_domain::{
    SessionId,
    api_key::ApiKeySecret,
    auth::{Credential, Ticket, TicketSecret},
};
use entrepot_testkit::{at, id, user_id};

use crate::{Stores, at_once};

/// Generates a test per case: `entrepot_contract::ticket_suite!(harness())`.
#[macro_export]
macro_rules! ticket_suite {
    ($harness:expr) => {
        $crate::suite! { ticket, $harness,
            ticket_is_redeemed_once,
            ticket_stands_for_a_session_or_a_key,
            one_of_several_concurrent_redemptions_succeeds,
            ticket_expires,
            new_tickets_delete_expired_ones,
        }
    };
}

/// Ticket number `n`, which expires at second `n`.
fn ticket(n: u8) -> Ticket {
    Ticket {
        hash: TicketSecret::from_random([n; 32]).hash(),
        user: user_id(n.into()),
        credential: Credential::Session(SessionId(id(n.into()))),
        expires_at: at(n.into()),
    }
}

pub async fn ticket_is_redeemed_once(h: &impl Stores) {
    let tickets = h.tickets();
    tickets.issue(&ticket(30), at(0)).await.unwrap();
    tickets.issue(&ticket(31), at(0)).await.unwrap();
    assert_eq!(tickets.redeem(&ticket(32).hash, at(1)).await.unwrap(), None);
    assert_eq!(tickets.redeem(&ticket(30).hash, at(1)).await.unwrap(), Some(ticket(30)));
    assert_eq!(tickets.redeem(&ticket(30).hash, at(1)).await.unwrap(), None);
    assert_eq!(tickets.redeem(&ticket(31).hash, at(1)).await.unwrap(), Some(ticket(31)));
}

pub async fn ticket_stands_for_a_session_or_a_key(h: &impl Stores) {
    let credential = Credential::ApiKey(ApiKeySecret::from_random([7; 32]).prefix());
    let of_a_key = Ticket { credential, ..ticket(30) };
    h.tickets().issue(&of_a_key, at(0)).await.unwrap();
    assert_eq!(h.tickets().redeem(&of_a_key.hash, at(1)).await.unwrap(), Some(of_a_key));
}

pub async fn one_of_several_concurrent_redemptions_succeeds(h: &impl Stores) {
    let tickets = h.tickets();
    tickets.issue(&ticket(30), at(0)).await.unwrap();
    let redeemed = at_once((0..8).map(|_| {
        let tickets = tickets.clone();
        async move { tickets.redeem(&ticket(30).hash, at(1)).await.unwrap() }
    }))
    .await;
    assert_eq!(redeemed.iter().flatten().count(), 1, "{redeemed:?}");
}

/// It is good until the last millisecond before.
pub async fn ticket_expires(h: &impl Stores) {
    let tickets = h.tickets();
    tickets.issue(&ticket(30), at(0)).await.unwrap();
    tickets.issue(&ticket(31), at(0)).await.unwrap();
    assert_eq!(tickets.redeem(&ticket(30).hash, at(30)).await.unwrap(), None);
    let last = at(31) - chrono::Duration::milliseconds(1);
    assert_eq!(tickets.redeem(&ticket(31).hash, last).await.unwrap(), Some(ticket(31)));
}

/// A ticket that is asked for at an earlier time shows whether it is still there.
pub async fn new_tickets_delete_expired_ones(h: &impl Stores) {
    let tickets = h.tickets();
    for n in 1..=20 {
        tickets.issue(&ticket(n), at(0)).await.unwrap();
    }
    for n in 100..120 {
        tickets.issue(&ticket(n), at(10)).await.unwrap();
    }
    for n in 1..=20 {
        let left = tickets.redeem(&ticket(n).hash, at(0)).await.unwrap();
        assert_eq!(left.is_some(), n > 10, "{n}");
    }
}
