//! Endpoints of webhooks.

use entrepot_domain::{
    Description, Version, WebhookId,
    second_factor::SealedSecret,
    webhook::{EventTypes, NewWebhook, Signing, Webhook, WebhookUrl},
};

use crate::{at, id, user_id};

/// The identifier of the endpoint with that number.
pub fn webhook_id(n: u128) -> WebhookId {
    WebhookId(id(n))
}

/// A URL.
pub fn webhook_url(text: &str) -> WebhookUrl {
    WebhookUrl::parse(text).unwrap()
}

/// Endpoint number `n`, which wants all events, made at the start of 2026 by user 500. Its secret is its number.
pub fn webhook(n: u8) -> NewWebhook {
    let webhook = Webhook {
        id: webhook_id(n.into()),
        url: webhook_url(&format!("https://example.com/{n}")),
        types: EventTypes::All,
        description: Description::default(),
        active: true,
        signing: Signing::Hmac,
        public_key: None,
        created_by: user_id(500),
        failing_since: None,
        version: Version::FIRST,
        created_at: at(0),
        updated_at: at(0),
    };
    NewWebhook { webhook, secret: SealedSecret(vec![n]) }
}
