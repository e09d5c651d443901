//! Events as clients see them.

use std::borrow::Cow;

use entrepot_domain::event::{Event, EventKind};
use entrepot_event_json::EventView;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// An event of the log.
pub(super) struct LoggedEvent(pub(super) Event);

impl Serialize for LoggedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EventView(&self.0).serialize(serializer)
    }
}

impl PartialSchema for LoggedEvent {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let kinds = EventKind::ALL.map(EventKind::as_str);
        let timestamp = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        let data = ObjectBuilder::new().description(Some("What happened; its fields depend on the type."));
        ObjectBuilder::new()
            .description(Some("Something that happened."))
            .property("id", text().description(Some("Later events sort after earlier ones, as text.")))
            .property("type", text().enum_values(Some(kinds)))
            .property("timestamp", timestamp)
            .property("data", data)
            .required("id")
            .required("type")
            .required("timestamp")
            .required("data")
            .into()
    }
}

impl ToSchema for LoggedEvent {
    fn name() -> Cow<'static, str> {
        "Event".into()
    }
}
