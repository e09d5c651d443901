//! Events as they are sent.

use bytes::Bytes;
use bytestring::ByteString;
use entrepot_application::event::{ResetReason, SharedEvent};
use entrepot_domain::event::Event;
use entrepot_event_json::EventView;
use serde::Serialize;

/// An event as it is sent, shared by all feeds.
#[derive(Clone)]
pub(super) struct Frames {
    /// As a server-sent event.
    pub(super) sse: Bytes,
    /// As JSON.
    pub(super) json: ByteString,
}

impl Frames {
    /// Those of an event, which are rendered once.
    pub(super) fn of(event: &SharedEvent) -> Self {
        event.rendered(Self::render)
    }

    fn render(event: &Event) -> Self {
        let json = json(&EventView(event));
        let sse = format!("id: {}\nevent: {}\ndata: {json}\n\n", event.id, event.data.kind());
        Self { sse: sse.into(), json: json.into() }
    }
}

/// About how many bytes an event takes in a feed.
pub(super) fn size(event: &SharedEvent) -> usize {
    Frames::of(event).sse.len()
}

/// What tells that a feed does not go on where its client was.
pub(super) fn reset(reason: ResetReason) -> String {
    #[derive(Serialize)]
    struct Reset {
        #[serde(rename = "type")]
        kind: &'static str,
        reason: &'static str,
    }
    json(&Reset { kind: "reset", reason: reason.as_str() })
}

/// JSON on one line.
pub(super) fn json(view: &impl Serialize) -> String {
    serde_json::to_string(view).unwrap_or_else(|error| {
        tracing::error!(%error, "a view does not serialise");
        String::new()
    })
}
