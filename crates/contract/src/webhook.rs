//! What every [`WebhookRepository`](entrepot_domain::webhook::WebhookRepository),
//! [`DeliveryRepository`](entrepot_domain::webhook::DeliveryRepository) and
//! [`DeliveryQueue`](entrepot_domain::webhook::DeliveryQueue) promises.
#![allow(missing_docs, reason = "the names of the cases say it")]

mod admin;
mod delivery;
mod endpoint;

use std::time::Duration;

use entrepot_domain::{
    DeliveryId, Sort,
    audit::{Cause, Who},
    event::{Consumed, EventPosition},
    job::{Claim, ErrorText},
    webhook::{
        AttemptResult, ClaimedDelivery, Delivery, DeliveryAttempt, DeliveryClaim, DeliveryFilter, DeliveryQuery,
        DeliveryStatus, NewDelivery, NextStep, Recorded, ResponseText,
    },
};
use entrepot_testkit::{at, cause, id, job, job_kind, webhook, webhook_id};

use crate::{Stores, walk::page};

pub use admin::*;
pub use delivery::*;
pub use endpoint::*;

/// Makes a test of each case: `entrepot_contract::webhook_suite!(harness())`.
#[macro_export]
macro_rules! webhook_suite {
    ($harness:expr) => {
        $crate::suite! { webhook, $harness,
            endpoint_is_found_as_it_was_inserted,
            endpoint_is_changed,
            stale_change_of_an_endpoint_is_refused,
            concurrent_changes_of_an_endpoint_conflict,
            rotated_endpoint_has_a_new_key,
            deleted_endpoint_is_gone,
            changes_of_endpoints_are_logged,
            places_and_pages_of_endpoints_agree,
            delivery_is_claimed_and_made,
            consumer_moves_with_the_deliveries,
            active_endpoints_are_subscribers,
            each_delivery_is_claimed_once,
            endpoint_gets_a_few_at_once,
            failing_endpoints_leave_room_for_others,
            failed_delivery_waits_for_its_time,
            lost_delivery_is_claimed_again,
            gone_endpoint_is_deactivated,
            inactive_endpoint_gets_what_waits_once_it_is_active,
            test_is_sent_to_one_endpoint,
            delivery_is_retried_by_hand,
            last_attempts_are_kept,
            rotated_secret_is_claimed_with_the_old_one,
            deleted_endpoint_takes_its_deliveries_along,
            old_deliveries_are_pruned,
            places_and_pages_of_deliveries_agree,
        }
    };
}

/// Longer than a test.
/// The kind of jobs that tell of deactivated endpoints.
const NOTICE: &str = "notice";

const LEASE: Duration = Duration::from_mins(1);

/// Over when somebody looks.
const SHORT: Duration = Duration::from_millis(1);

fn delivery(n: u128, webhook: u8) -> NewDelivery {
    NewDelivery {
        id: DeliveryId(id(n)),
        webhook: webhook_id(webhook.into()),
        event: format!("event-{n}"),
        kind: "order.created".parse().unwrap(),
        body: format!("{{\"number\":{n}}}").into(),
    }
}

async fn endpoint(h: &impl Stores, n: u8) {
    h.webhooks().insert(&webhook(n), &cause(at(0))).await.unwrap();
}

/// Moves the consumer by one record, and writes these deliveries.
async fn dispatch(h: &impl Stores, deliveries: &[NewDelivery]) {
    let from = h.events().consumed("webhooks").await.unwrap();
    let to = EventPosition { record: from.record + 1, ..from };
    assert!(h.deliveries().dispatch(&Consumed { consumer: "webhooks", from, to }, deliveries).await.unwrap());
}

async fn claim_for(h: &impl Stores, most: u32, lease: Duration) -> Vec<ClaimedDelivery> {
    let claim = DeliveryClaim { healthy: most, failing: most, per_endpoint: 4, lease };
    h.deliveries().claim(&claim).await.unwrap()
}

async fn claim(h: &impl Stores) -> Vec<ClaimedDelivery> {
    claim_for(h, 100, LEASE).await
}

/// The one delivery that is due.
async fn claim_one(h: &impl Stores) -> ClaimedDelivery {
    let mut claimed = claim(h).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

fn numbers(claimed: &[ClaimedDelivery]) -> Vec<u128> {
    claimed.iter().map(|delivery| delivery.lease.delivery.0.as_u128()).collect()
}

fn attempt(status: Option<u16>) -> DeliveryAttempt {
    DeliveryAttempt {
        at: at(7),
        status,
        duration: Duration::from_millis(12),
        error: status.is_none().then(|| ErrorText::new("no answer")),
        response: ResponseText::new(b"hello\n\"you\""),
    }
}

fn system() -> Cause {
    Cause { who: Who::System, origin: None, ..cause(at(50)) }
}

async fn record(h: &impl Stores, delivery: &ClaimedDelivery, status: Option<u16>, next: NextStep) -> bool {
    let (result, attempt) = (AttemptResult::of(status), attempt(status));
    let notice = (result != AttemptResult::Succeeded).then(|| job(delivery.lease.delivery.0.as_u128(), NOTICE));
    let recorded = Recorded { lease: delivery.lease, webhook: delivery.webhook, attempt, result, next, notice };
    h.deliveries().record(&recorded, &system()).await.unwrap()
}

/// The notices that were queued since the last call.
async fn notices(h: &impl Stores) -> Vec<u128> {
    let claim = Claim { kinds: vec![(job_kind(NOTICE), 100)], lease: LEASE };
    h.jobs().claim(&claim).await.unwrap().iter().map(|job| job.lease.job.0.as_u128()).collect()
}

const AT_ONCE_AGAIN: NextStep = NextStep::Retry { after: Duration::ZERO };

async fn list(h: &impl Stores, webhook: u8, status: Option<DeliveryStatus>) -> Vec<Delivery> {
    let filter = DeliveryFilter { webhook: webhook_id(webhook.into()), status };
    let query = DeliveryQuery { filter, sort: Sort::parse("createdAt").unwrap(), window: page(1, 100) };
    h.delivery_list().list(&query).await.unwrap().items
}

async fn find(h: &impl Stores, n: u128) -> Delivery {
    let mut found = list(h, 1, None).await;
    found.retain(|delivery| delivery.id.0.as_u128() == n);
    found.remove(0)
}
