//! What staff do with deliveries, and what is forgotten.

use std::time::Duration;

use entrepot_domain::{
    DeliveryId,
    webhook::{
        DeliveryBacklog, DeliveryFilter, DeliveryKind, DeliveryQuery, DeliverySort, DeliveryStatus, NewDelivery,
        NextStep, WebhookChange, WebhookError,
    },
};
use entrepot_testkit::{at, cause, id, webhook_id};

use super::{AT_ONCE_AGAIN, LEASE, claim, claim_for, claim_one, delivery, dispatch, endpoint, find, list, record};
use crate::{
    Stores,
    walk::{assert_walks_agree, single_sorts},
};

pub async fn inactive_endpoint_gets_what_waits_once_it_is_active(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1)]).await;
    let active = |active| WebhookChange { active: Some(active), ..WebhookChange::default() };
    h.webhooks().update(webhook_id(1), &active(false), None, &cause(at(1))).await.unwrap();
    assert!(claim(h).await.is_empty());
    assert_eq!(h.deliveries().backlog().await.unwrap(), DeliveryBacklog::default());
    h.webhooks().update(webhook_id(1), &active(true), None, &cause(at(2))).await.unwrap();
    assert_eq!(h.deliveries().backlog().await.unwrap().due, 1);
    claim_one(h).await;
}

/// Also to an inactive endpoint.
pub async fn test_is_sent_to_one_endpoint(h: &impl Stores) {
    for n in 1..=2 {
        endpoint(h, n).await;
        let inactive = WebhookChange { active: Some(false), ..WebhookChange::default() };
        h.webhooks().update(webhook_id(n.into()), &inactive, None, &cause(at(1))).await.unwrap();
    }
    let test = NewDelivery { kind: DeliveryKind::Test, ..delivery(1, 1) };
    let inserted = h.delivery_list().insert(&test).await.unwrap();
    assert_eq!((inserted.kind, inserted.status), (DeliveryKind::Test, DeliveryStatus::Pending));
    assert_eq!(list(h, 1, None).await, [inserted]);
    let store = h.deliveries();
    tokio::spawn(async move { store.queued().await }).await.unwrap();
    let claimed = claim_one(h).await;
    assert_eq!((claimed.webhook, claimed.kind), (webhook_id(1), DeliveryKind::Test));
    for refused in
        [h.delivery_list().insert(&delivery(2, 9)).await, h.delivery_list().retry(webhook_id(2), test.id).await]
    {
        assert!(matches!(refused, Err(WebhookError::NotFound)), "{refused:?}");
    }
}

pub async fn delivery_is_retried_by_hand(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1)]).await;
    let failed = claim_one(h).await;
    assert!(record(h, &failed, None, NextStep::Retry { after: LEASE }).await);
    let retried = h.delivery_list().retry(webhook_id(1), failed.lease.delivery).await.unwrap();
    assert_eq!(retried.status, DeliveryStatus::Pending);
    let dead = claim_one(h).await;
    assert_eq!(dead.failures, 1, "it goes on where it was");
    assert!(record(h, &dead, None, NextStep::Dead).await);
    for expected in [DeliveryStatus::Dead, DeliveryStatus::Succeeded] {
        assert_eq!(find(h, 1).await.status, expected);
        let retried = h.delivery_list().retry(webhook_id(1), failed.lease.delivery).await.unwrap();
        assert_eq!((retried.status, retried.next_attempt_at.is_some()), (DeliveryStatus::Pending, true));
        let anew = claim_one(h).await;
        assert_eq!(anew.failures, 0, "it begins anew");
        assert!(record(h, &anew, Some(200), NextStep::Succeeded).await);
    }
    assert_eq!(find(h, 1).await.attempts.len(), 4);
}

/// A receiver may be tried by hand again and again.
pub async fn last_attempts_are_kept(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &[delivery(1, 1)]).await;
    for status in 300..330 {
        let claimed = claim_one(h).await;
        assert!(record(h, &claimed, Some(status), AT_ONCE_AGAIN).await);
    }
    let kept: Vec<_> = find(h, 1).await.attempts.iter().filter_map(|attempt| attempt.status).collect();
    assert_eq!(kept, (310..330).collect::<Vec<_>>());
}

pub async fn deleted_endpoint_takes_its_deliveries_along(h: &impl Stores) {
    for n in 1..=2 {
        endpoint(h, n).await;
    }
    dispatch(h, &(1..=5).map(|n| delivery(n, 1)).chain([delivery(6, 2)]).collect::<Vec<_>>()).await;
    let claimed = claim(h).await;
    h.webhooks().delete(webhook_id(1), None, &cause(at(1))).await.unwrap();
    assert!(!record(h, &claimed[0], Some(200), NextStep::Succeeded).await);
    assert!(matches!(h.delivery_list().retry(webhook_id(1), DeliveryId(id(5))).await, Err(WebhookError::NotFound)));
    assert!(claim(h).await.is_empty());
    let mut pruned = Vec::new();
    for _ in 0..4 {
        pruned.push(h.deliveries().prune(LEASE, 2).await.unwrap());
    }
    assert_eq!(pruned, [2, 2, 1, 0]);
    assert!(list(h, 1, None).await.is_empty());
    assert_eq!(list(h, 2, None).await.len(), 1);
    endpoint(h, 1).await;
}

pub async fn old_deliveries_are_pruned(h: &impl Stores) {
    endpoint(h, 1).await;
    dispatch(h, &(1..=3).map(|n| delivery(n, 1)).collect::<Vec<_>>()).await;
    let claimed = claim(h).await;
    assert!(record(h, &claimed[0], Some(200), NextStep::Succeeded).await);
    assert!(record(h, &claimed[1], None, NextStep::Dead).await);
    assert_eq!(h.deliveries().prune(LEASE, 10).await.unwrap(), 0, "they are young");
    // They are older than nothing in a moment.
    while list(h, 1, None).await.len() > 1 {
        h.deliveries().prune(Duration::ZERO, 1).await.unwrap();
    }
    assert_eq!(list(h, 1, None).await[0].status, DeliveryStatus::Pending, "it waits for something");
}

pub async fn places_and_pages_of_deliveries_agree(h: &impl Stores) {
    endpoint(h, 1).await;
    endpoint(h, 2).await;
    for n in 1..=10 {
        dispatch(h, &[delivery(n, 1)]).await;
    }
    dispatch(h, &[delivery(20, 2)]).await;
    for claimed in &claim_for(h, 3, LEASE).await {
        assert!(record(h, claimed, Some(200), NextStep::Succeeded).await);
    }
    for (status, count) in [(None, 10), (Some(DeliveryStatus::Succeeded), 3), (Some(DeliveryStatus::Pending), 7)] {
        let filter = DeliveryFilter { webhook: webhook_id(1), status };
        for sort in single_sorts::<DeliverySort>() {
            assert_walks_agree::<DeliverySort>(&sort, count, async |window| {
                h.delivery_list().list(&DeliveryQuery { filter, sort: sort.clone(), window }).await.unwrap()
            })
            .await;
        }
    }
}
