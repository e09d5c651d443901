//! Deliveries as clients see them.

use entrepot_domain::{
    job::ErrorText,
    webhook::{Delivery, DeliveryAttempt, ResponseText},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// An event on its way to a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryView<'a> {
    /// Names the delivery.
    id: Uuid,
    /// Names the event: `webhook-id`.
    #[schema(example = "000000000000002a00000-5f3a9c01")]
    event_id: &'a str,
    /// The type of the event, or `webhook.test`.
    #[serde(rename = "type")]
    #[schema(example = "order.created")]
    kind: &'static str,
    /// `pending`, `succeeded` or `dead`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// The last attempts, the oldest first; 20 at the most.
    attempts: Vec<AttemptView<'a>>,
    /// When it is tried next; null when it is over.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    next_attempt_at: Option<Rfc3339>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
}

/// An attempt to deliver a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptView<'a> {
    /// When it was made: `webhook-timestamp`.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// The status of the answer; null without one.
    #[schema(required = true, example = 204)]
    status: Option<u16>,
    /// How many milliseconds it took.
    #[schema(example = 37)]
    duration_ms: u64,
    /// Why it failed, where the status does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<&'a str>,
    /// The beginning of the answer, if it is text: a kilobyte at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response: Option<&'a str>,
}

impl<'a> From<&'a Delivery> for DeliveryView<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            id: delivery.id.0,
            event_id: &delivery.event,
            kind: delivery.kind.as_str(),
            status: delivery.status.as_str(),
            attempts: delivery.attempts.iter().map(AttemptView::from).collect(),
            next_attempt_at: delivery.next_attempt_at.map(Rfc3339),
            created_at: Rfc3339(delivery.created_at),
        }
    }
}

impl<'a> From<&'a DeliveryAttempt> for AttemptView<'a> {
    fn from(attempt: &'a DeliveryAttempt) -> Self {
        Self {
            at: Rfc3339(attempt.at),
            status: attempt.status,
            duration_ms: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            error: attempt.error.as_ref().map(ErrorText::as_str),
            response: attempt.response.as_ref().map(ResponseText::as_str),
        }
    }
}
