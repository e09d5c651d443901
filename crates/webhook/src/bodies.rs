//! What is sent: events in the form that they have everywhere.

use chrono::SecondsFormat;
use entrepot_domain::{
    Fault, Timestamp, WebhookId,
    event::Event,
    webhook::{DeliveryKind, WebhookBodies},
};
use entrepot_event_json::EventView;
use serde_json::json;

/// Writes events as JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonBodies;

impl WebhookBodies for JsonBodies {
    fn event(&self, event: &Event) -> Result<String, Fault> {
        serde_json::to_string(&EventView(event)).map_err(Fault::unknown)
    }

    fn test(&self, id: &str, webhook: WebhookId, at: Timestamp) -> Result<String, Fault> {
        let event = json!({
            "id": id,
            "type": DeliveryKind::Test.as_str(),
            "timestamp": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "data": {"webhookId": webhook.to_string()},
        });
        Ok(event.to_string())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn test_has_the_form_of_an_event() {
        let at = Timestamp::from_timestamp_millis(1_700_000_000_120).unwrap();
        let body = JsonBodies.test("abc", WebhookId(Uuid::nil()), at).unwrap();
        let expected = json!({
            "id": "abc",
            "type": "webhook.test",
            "timestamp": "2023-11-14T22:13:20.120Z",
            "data": {"webhookId": "00000000-0000-0000-0000-000000000000"},
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected);
    }
}
