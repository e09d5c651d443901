//! Endpoints.

use entrepot_domain::{
    Description, Timestamp, Version,
    second_factor::SealedSecret,
    webhook::{
        EventTypes, NewKeys, NewWebhook, PublicKey, Signing, Webhook, WebhookChange, WebhookError, WebhookQuery,
        WebhookSort,
    },
};
use entrepot_testkit::{at, cause, webhook, webhook_id, webhook_url};

use crate::{
    Stores, at_once,
    audit::about,
    walk::{assert_walks_agree, single_sorts},
};

const KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn public_key() -> PublicKey {
    KEY.parse().unwrap()
}

/// With everything that can be told of it.
fn detailed(n: u8) -> NewWebhook {
    let NewWebhook { webhook, secret } = webhook(n);
    let webhook = Webhook {
        types: EventTypes::parse(["order.created", "user.deleted"]).unwrap(),
        description: Description::parse("The warehouse\nin Leeds").unwrap(),
        active: false,
        signing: Signing::Ed25519,
        public_key: Some(public_key()),
        ..webhook
    };
    NewWebhook { webhook, secret }
}

async fn insert(h: &impl Stores, new: &NewWebhook) {
    h.webhooks().insert(new, &cause(at(0))).await.unwrap();
}

async fn find(h: &impl Stores, n: u128) -> Option<Webhook> {
    h.webhooks().find(webhook_id(n)).await.unwrap()
}

pub async fn endpoint_is_found_as_it_was_inserted(h: &impl Stores) {
    for new in [webhook(1), detailed(2)] {
        insert(h, &new).await;
        assert_eq!(find(h, new.webhook.id.0.as_u128()).await, Some(new.webhook.clone()));
        assert!(h.webhooks().insert(&new, &cause(at(0))).await.is_err(), "its identifier is taken");
    }
    assert_eq!(find(h, 404).await, None);
}

fn all_changed() -> WebhookChange {
    WebhookChange {
        url: Some(webhook_url("http://example.org/other?a=b")),
        types: Some(EventTypes::All),
        description: Some(Description::default()),
        active: Some(true),
    }
}

pub async fn endpoint_is_changed(h: &impl Stores) {
    insert(h, &detailed(1)).await;
    let was = find(h, 1).await.unwrap();
    let (webhooks, why) = (h.webhooks(), cause(at(5)));
    let changed = webhooks.update(was.id, &all_changed(), Some(Version(1)), &why).await.unwrap();
    assert_eq!(changed, was.change(&all_changed(), None, at(5)).unwrap());
    assert_eq!((changed.version, changed.updated_at, changed.active), (Version(2), at(5), true));
    assert_eq!(find(h, 1).await, Some(changed.clone()));
    let types = EventTypes::parse(["product.created"]).unwrap();
    let change = WebhookChange { types: Some(types), ..WebhookChange::default() };
    let narrowed = webhooks.update(was.id, &change, None, &cause(at(6))).await.unwrap();
    assert_eq!(narrowed, Webhook { types, version: Version(3), updated_at: at(6), ..changed });
    assert_eq!(find(h, 1).await, Some(narrowed));
}

fn keys(secret: u8, until: Timestamp) -> NewKeys {
    NewKeys { secret: SealedSecret(vec![secret; 3]), public_key: None, previous_until: until }
}

pub async fn stale_change_of_an_endpoint_is_refused(h: &impl Stores) {
    insert(h, &webhook(1)).await;
    let (webhooks, stale, why) = (h.webhooks(), Some(Version(2)), cause(at(1)));
    for (id, expected) in [(webhook_id(1), "version conflict"), (webhook_id(404), "no such webhook")] {
        let refused = |error: WebhookError| assert_eq!(error.to_string(), expected);
        refused(webhooks.update(id, &all_changed(), stale, &why).await.unwrap_err());
        refused(webhooks.rotate(id, &keys(9, at(9)), stale, &why).await.unwrap_err());
        refused(webhooks.delete(id, stale, &why).await.unwrap_err());
    }
    assert_eq!(find(h, 1).await, Some(webhook(1).webhook));
    assert_eq!(about(h, webhook_id(1).0).await.len(), 1);
}

pub async fn concurrent_changes_of_an_endpoint_conflict(h: &impl Stores) {
    insert(h, &webhook(1)).await;
    let tries = (1..=8).map(|seconds| {
        let store = h.webhooks();
        async move { store.update(webhook_id(1), &all_changed(), Some(Version(1)), &cause(at(seconds))).await.is_ok() }
    });
    assert_eq!(at_once(tries).await.into_iter().filter(|changed| *changed).count(), 1);
    assert_eq!(find(h, 1).await.unwrap().version, Version(2));
}

pub async fn rotated_endpoint_has_a_new_key(h: &impl Stores) {
    insert(h, &detailed(1)).await;
    let was = find(h, 1).await.unwrap();
    let other = PublicKey::clone(&format!("whpk_{}=", "A".repeat(43)).parse().unwrap());
    let keys = NewKeys { public_key: Some(other.clone()), ..keys(9, at(100)) };
    let rotated = h.webhooks().rotate(was.id, &keys, Some(Version(1)), &cause(at(5))).await.unwrap();
    assert_eq!(rotated, Webhook { public_key: Some(other), version: Version(2), updated_at: at(5), ..was });
    assert_eq!(find(h, 1).await, Some(rotated));
}

pub async fn deleted_endpoint_is_gone(h: &impl Stores) {
    insert(h, &webhook(1)).await;
    insert(h, &webhook(2)).await;
    let (webhooks, why) = (h.webhooks(), cause(at(1)));
    webhooks.delete(webhook_id(1), Some(Version(1)), &why).await.unwrap();
    assert_eq!(find(h, 1).await, None);
    assert_eq!(find(h, 2).await, Some(webhook(2).webhook));
    assert!(matches!(webhooks.delete(webhook_id(1), None, &why).await, Err(WebhookError::NotFound)));
}

/// With old and new values, and without secrets.
pub async fn changes_of_endpoints_are_logged(h: &impl Stores) {
    let webhooks = h.webhooks();
    let causes: Vec<_> = (0..4).map(|seconds| cause(at(seconds))).collect();
    let was = detailed(1).webhook;
    webhooks.insert(&detailed(1), &causes[0]).await.unwrap();
    let is = webhooks.update(was.id, &all_changed(), None, &causes[1]).await.unwrap();
    let rotated = NewKeys { public_key: Some(public_key()), ..keys(9, at(100)) };
    let rotated = webhooks.rotate(was.id, &rotated, None, &causes[2]).await.unwrap();
    webhooks.delete(was.id, None, &causes[3]).await.unwrap();
    let expected = [
        causes[0].webhook_created(&was),
        causes[1].webhook_updated(&was, &is),
        causes[2].webhook_secret_rotated(&rotated),
        causes[3].webhook_deleted(&rotated),
    ];
    assert_eq!(expected[1].changes.len(), 4);
    assert_eq!(about(h, was.id.0).await, expected);
}

pub async fn places_and_pages_of_endpoints_agree(h: &impl Stores) {
    for n in 1..=10 {
        let mut new = webhook(n);
        new.webhook.created_at = at((n % 4).into());
        insert(h, &new).await;
    }
    for sort in single_sorts::<WebhookSort>() {
        assert_walks_agree::<WebhookSort>(&sort, 10, async |window| {
            h.webhooks().list(&WebhookQuery { sort: sort.clone(), window }).await.unwrap()
        })
        .await;
    }
}
