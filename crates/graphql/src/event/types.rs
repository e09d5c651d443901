//! Events as clients see them.

use async_graphql::{ID, SimpleObject};
use entrepot_application::event::ResetReason;
use entrepot_domain::event as domain;
use entrepot_event_json::EventDataView;
use serde_json::{Value, json};

use crate::scalars::DateTime;

/// Something that happened.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Event {
    /// Later events sort after earlier ones, as text. Null if `type` is `reset`.
    id: Option<ID>,
    /// Such as `order.created`; or `reset`, where a feed cannot go on after `lastEventId`: `data.reason` tells why.
    #[graphql(name = "type")]
    kind: &'static str,
    /// Null if `type` is `reset`.
    timestamp: Option<DateTime>,
    /// What happened; its fields depend on the type.
    data: Value,
}

impl From<&domain::Event> for Event {
    fn from(event: &domain::Event) -> Self {
        Self {
            id: Some(event.id.to_string().into()),
            kind: event.data.kind().as_str(),
            timestamp: Some(DateTime(event.at)),
            data: serde_json::to_value(EventDataView(&event.data)).unwrap_or_default(),
        }
    }
}

impl From<ResetReason> for Event {
    fn from(reason: ResetReason) -> Self {
        Self { id: None, kind: "reset", timestamp: None, data: json!({"reason": reason.as_str()}) }
    }
}
