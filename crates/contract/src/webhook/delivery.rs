//! Writing, claiming and sending deliveries.

use std::{collections::BTreeSet, time::Duration};

use entrepot_domain::{
    audit::{AuditAction, AuditEntry},
    event::{Consumed, EventPosition},
    second_factor::SealedSecret,
    webhook::{
        ClaimedDelivery, DeliveryClaim, DeliveryStatus, NewKeys, NewWebhook, NextStep, SealedKeys, Subscriber,
        WebhookChange,
    },
};
use entrepot_testkit::{at, cause, webhook, webhook_id};

use super::{
    AT_ONCE_AGAIN, LEASE, SHORT, attempt, claim, claim_for, claim_one, delivery, dispatch, endpoint, find, list,
    notices, numbers, record, system,
};
use crate::{Stores, at_once, audit::about};

pub async fn delivery_is_claimed_and_made(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1)]).await;
    let waiting = find(h, 1).await;
    assert_eq!((waiting.status, waiting.next_attempt_at), (DeliveryStatus::Pending, Some(waiting.created_at)));
    assert_eq!((waiting.event.as_str(), waiting.kind.as_str()), ("event-1", "order.created"));
    let claimed = claim_one(h).await;
    let NewWebhook { webhook, secret } = webhook(1);
    let expected = ClaimedDelivery {
        lease: claimed.lease,
        webhook: webhook.id,
        url: webhook.url,
        created_by: webhook.created_by,
        keys: SealedKeys { current: secret, previous: None },
        is_failing: false,
        event: "event-1".into(),
        kind: "order.created".parse().unwrap(),
        body: "{\"number\":1}".into(),
        failures: 0,
    };
    assert_eq!(claimed, expected);
    assert!(claim(h).await.is_empty(), "it is being sent");
    assert!(record(h, &claimed, Some(204), NextStep::Succeeded).await);
    let made = find(h, 1).await;
    assert_eq!((made.status, made.next_attempt_at), (DeliveryStatus::Succeeded, None));
    assert_eq!(made.attempts, [attempt(Some(204))]);
    assert!(!record(h, &claimed, None, NextStep::Dead).await, "it is over");
    assert!(claim(h).await.is_empty());
}

pub async fn consumer_moves_with_the_deliveries(h: &impl Stores) {
    endpoint(h, 1).await;
    let from = h.events().consumed("webhooks").await.unwrap();
    let to = EventPosition { record: from.record + 1, ..from };
    let consumed = Consumed { consumer: "webhooks", from, to };
    let tries = (1..=8).map(|n| {
        let store = h.deliveries();
        async move { store.dispatch(&consumed, &[delivery(n, 1), delivery(n + 100, 200)]).await.unwrap() }
    });
    assert_eq!(at_once(tries).await.into_iter().filter(|moved| *moved).count(), 1);
    assert_eq!(list(h, 1, None).await.len(), 1, "and none to an endpoint that is gone");
    assert_eq!(h.events().consumed("webhooks").await.unwrap(), to);
    assert!(!h.deliveries().dispatch(&consumed, &[]).await.unwrap());
}

pub async fn active_endpoints_are_subscribers(h: &impl Stores) {
    for n in 1..=3 {
        endpoint(h, n).await;
    }
    let inactive = WebhookChange { active: Some(false), ..WebhookChange::default() };
    h.webhooks().update(webhook_id(2), &inactive, None, &cause(at(1))).await.unwrap();
    h.webhooks().delete(webhook_id(3), None, &cause(at(1))).await.unwrap();
    let types = webhook(1).webhook.types;
    assert_eq!(h.deliveries().subscribers().await.unwrap(), [Subscriber { webhook: webhook_id(1), types }]);
}

/// However many senders ask at once.
pub async fn each_delivery_is_claimed_once(h: &impl Stores) {
    for n in 1..=10 {
        endpoint(h, n).await;
    }
    let all: Vec<_> = (1..=10_u8).flat_map(|to| (0..4).map(move |n| delivery(u128::from(to) * 10 + n, to))).collect();
    dispatch(h, &all).await;
    let senders = (1..=8).map(|most| {
        let store = h.deliveries();
        async move {
            let claim = DeliveryClaim { healthy: most, failing: 0, per_endpoint: 100, lease: LEASE };
            let mut mine = Vec::new();
            for _ in 0..50 {
                mine.extend(numbers(&store.claim(&claim).await.unwrap()));
            }
            mine
        }
    });
    let claimed: Vec<_> = at_once(senders).await.concat();
    assert_eq!((claimed.len(), claimed.into_iter().collect::<BTreeSet<_>>().len()), (40, 40));
}

/// One that fails gets one at a time.
pub async fn endpoint_gets_a_few_at_once(h: &impl Stores) {
    for n in 1..=2 {
        endpoint(h, n).await;
    }
    for n in 1..=9 {
        dispatch(h, &[delivery(n, 1)]).await;
    }
    dispatch(h, &[delivery(20, 2)]).await;
    let first = claim(h).await;
    assert_eq!(numbers(&first), [1, 2, 3, 4, 20], "those that were due first");
    assert!(claim(h).await.is_empty());
    assert!(record(h, &first[0], Some(200), NextStep::Succeeded).await);
    assert_eq!(numbers(&claim(h).await), [5]);
    for delivery in &first[1..4] {
        assert!(record(h, delivery, Some(500), NextStep::Retry { after: LEASE }).await);
    }
    assert!(claim(h).await.is_empty(), "it fails, and one is being sent");
    assert_eq!(h.webhooks().find(webhook_id(1)).await.unwrap().unwrap().failing_since, Some(at(50)));
}

pub async fn failing_endpoints_leave_room_for_others(h: &impl Stores) {
    for n in 1..=4 {
        endpoint(h, n).await;
        dispatch(h, &[delivery(n.into(), n)]).await;
    }
    for claimed in claim(h).await.iter().filter(|claimed| claimed.webhook != webhook_id(4)) {
        assert!(record(h, claimed, None, AT_ONCE_AGAIN).await);
    }
    dispatch(h, &[delivery(14, 4)]).await;
    let claim = DeliveryClaim { healthy: 5, failing: 2, per_endpoint: 4, lease: LEASE };
    let claimed = h.deliveries().claim(&claim).await.unwrap();
    let failing = claimed.iter().filter(|claimed| claimed.is_failing).count();
    assert_eq!((claimed.len(), failing), (3, 2));
    assert!(claimed.iter().any(|claimed| claimed.webhook == webhook_id(4)));
}

pub async fn failed_delivery_waits_for_its_time(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1)]).await;
    let first = claim_one(h).await;
    assert!(record(h, &first, Some(503), AT_ONCE_AGAIN).await);
    let second = claim_one(h).await;
    assert_eq!((second.failures, second.is_failing, &second.body), (1, true, &first.body));
    assert!(second.lease.fence > first.lease.fence);
    assert!(record(h, &second, None, NextStep::Retry { after: Duration::from_hours(1) }).await);
    let waiting = find(h, 1).await;
    assert_eq!((waiting.status, waiting.attempts.len()), (DeliveryStatus::Pending, 2));
    assert_eq!(waiting.attempts[1], attempt(None));
    assert_eq!(notices(h).await, [0_u128; 0], "the endpoint is active");
    assert!(waiting.next_attempt_at.unwrap() >= waiting.created_at + Duration::from_hours(1));
    assert!(claim(h).await.is_empty());
}

/// Claims until something is due.
async fn claim_again(h: &impl Stores) -> ClaimedDelivery {
    for _ in 0..10_000 {
        if let Some(claimed) = claim(h).await.pop() {
            return claimed;
        }
    }
    panic!("no lease ran out");
}

pub async fn lost_delivery_is_claimed_again(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1)]).await;
    let lost = claim_for(h, 1, SHORT).await.remove(0);
    let again = claim_again(h).await;
    assert_eq!((again.lease.delivery, again.failures), (lost.lease.delivery, 0));
    assert!(!record(h, &lost, Some(200), NextStep::Succeeded).await, "the lease is another's");
    assert_eq!(find(h, 1).await.status, DeliveryStatus::Pending);
    assert!(record(h, &again, Some(200), NextStep::Succeeded).await);
}

pub async fn gone_endpoint_is_deactivated(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1), delivery(2, 1)]).await;
    let claimed = claim(h).await;
    assert_eq!(notices(h).await, [0_u128; 0]);
    assert!(record(h, &claimed[0], Some(410), NextStep::Dead).await);
    assert_eq!(notices(h).await, [1], "its maker is told");
    assert_eq!(find(h, 1).await.status, DeliveryStatus::Dead);
    let endpoint = h.webhooks().find(webhook_id(1)).await.unwrap().unwrap();
    assert_eq!((endpoint.active, endpoint.version.0), (false, 2));
    assert!(record(h, &claimed[1], Some(410), NextStep::Dead).await);
    assert_eq!(notices(h).await, [0_u128; 0], "it is told once");
    let log = about(h, webhook_id(1).0).await;
    assert_eq!(log.len(), 2, "it is deactivated once");
    let expected = system().webhook_deactivated(&webhook(1).webhook, &endpoint);
    assert_eq!(log[1], AuditEntry { id: log[1].id, ..expected });
    assert_eq!((log[1].action, log[1].changes.len()), (AuditAction::WebhookDeactivated, 1));
}

pub async fn rotated_secret_is_claimed_with_the_old_one(h: &impl Stores) {
    endpoint(h, 1).await;
    let keys = NewKeys { secret: SealedSecret(vec![9; 3]), public_key: None, previous_until: at(100) };
    h.webhooks().rotate(webhook_id(1), &keys, None, &cause(at(1))).await.unwrap();
    dispatch(h, &[delivery(1, 1)]).await;
    let expected = SealedKeys { current: SealedSecret(vec![9; 3]), previous: Some((SealedSecret(vec![1]), at(100))) };
    assert_eq!(claim_one(h).await.keys, expected);
}
