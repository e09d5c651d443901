//! Webhooks as clients see them.

use entrepot_application::webhook::CreatedWebhook;
use entrepot_domain::webhook::{PublicKey, Webhook};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// An endpoint that is sent events.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WebhookView<'a> {
    /// Names it.
    id: Uuid,
    /// Where events are sent.
    #[schema(example = "https://example.com/hooks/orders")]
    url: &'a str,
    /// Which types of events; `*` is all of them.
    #[schema(example = json!(["order.created", "order.status_changed"]))]
    types: Vec<&'static str>,
    /// What it is for.
    #[schema(example = "The warehouse")]
    description: &'a str,
    /// Whether it is sent events. False also after it answered with 410, or did nothing but fail for five days.
    active: bool,
    /// `hmac` or `ed25519`.
    #[schema(example = "hmac")]
    signing: &'static str,
    /// Verifies its `v1a` signatures; only with `ed25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    public_key: Option<&'a str>,
    /// Which user made it.
    created_by: Uuid,
    /// One more with each change.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

impl<'a> From<&'a Webhook> for WebhookView<'a> {
    fn from(webhook: &'a Webhook) -> Self {
        Self {
            id: webhook.id.0,
            url: webhook.url.as_str(),
            types: webhook.types.names(),
            description: webhook.description.as_str(),
            active: webhook.active,
            signing: webhook.signing.as_str(),
            public_key: webhook.public_key.as_ref().map(PublicKey::as_str),
            created_by: webhook.created_by.0,
            version: webhook.version.0,
            created_at: Rfc3339(webhook.created_at),
            updated_at: Rfc3339(webhook.updated_at),
        }
    }
}

/// An endpoint that was just made, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeWebhook)]
pub(crate) struct MadeWebhookView<'a> {
    #[serde(flatten)]
    made: WebhookView<'a>,
    /// Verifies its `v1` signatures. Shown this once.
    #[schema(example = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    secret: String,
}

impl<'a> From<&'a CreatedWebhook> for MadeWebhookView<'a> {
    fn from(made: &'a CreatedWebhook) -> Self {
        Self { made: WebhookView::from(&made.webhook), secret: made.secret.expose().to_string() }
    }
}

/// A new secret of an endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookSecret)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretView<'a> {
    /// Verifies its `v1` signatures. Shown this once.
    #[schema(example = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    secret: String,
    /// Verifies its `v1a` signatures; only with `ed25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    public_key: Option<&'a str>,
}

impl<'a> From<&'a CreatedWebhook> for SecretView<'a> {
    fn from(made: &'a CreatedWebhook) -> Self {
        Self {
            secret: made.secret.expose().to_string(),
            public_key: made.webhook.public_key.as_ref().map(PublicKey::as_str),
        }
    }
}
