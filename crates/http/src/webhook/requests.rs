//! Webhooks as clients ask for them.

use entrepot_application::webhook::WebhookRequest;
use entrepot_domain::{
    Description, Sort,
    event::EventKind,
    webhook::{DeliverySort, DeliveryStatus, EventTypes, Signing, WebhookChange, WebhookSort, WebhookUrl},
};
use garde::Validate;
use serde::{Deserialize, de::SeqAccess};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, RefOr, Schema, Type, schema::Object},
};

use crate::request::{Field, Flag, FromJson, ListParts, ListQuery, Mistakes, Parsed, Request, items};

/// An endpoint to be sent events.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"url": "https://example.com/hooks/orders", "types": ["order.created", "order.status_changed"]}))]
pub(crate) struct CreateWebhookRequest {
    /// Where events are sent: `https` or `http`, a public address, no credentials, no fragment.
    #[garde(dive)]
    #[schema(value_type = String, format = "uri", min_length = 1, max_length = 2000)]
    url: Field<WebhookUrl>,
    /// Which types of events, at least one; `*` is all of them.
    #[garde(dive)]
    #[schema(schema_with = types)]
    types: Field<EventTypes>,
    /// What it is for; nothing unless told.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 5000, pattern = "text")]
    description: Field<Option<Description>>,
    /// With `ed25519` deliveries have a `v1a` signature as well, which is verified with the `publicKey`.
    #[garde(dive)]
    #[schema(schema_with = signing, required = false)]
    signing: Field<Option<Signing>>,
}

impl Request for CreateWebhookRequest {}

impl TryFrom<CreateWebhookRequest> for WebhookRequest {
    type Error = Mistakes;

    fn try_from(request: CreateWebhookRequest) -> Parsed<Self> {
        Ok(Self {
            url: request.url.value()?,
            types: request.types.value()?,
            description: request.description.value()?.unwrap_or_default(),
            signing: request.signing.value()?.unwrap_or_default(),
        })
    }
}

/// What to change of an endpoint; what is left out stays.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"types": ["*"], "active": true}))]
pub(crate) struct UpdateWebhookRequest {
    /// Another URL.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, format = "uri", min_length = 1, max_length = 2000)]
    url: Field<Option<WebhookUrl>>,
    /// Other types of events.
    #[garde(dive)]
    #[schema(schema_with = types, required = false)]
    types: Field<Option<EventTypes>>,
    /// Another description.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 5000, pattern = "text")]
    description: Field<Option<Description>>,
    /// Whether it is sent events. What waits for an inactive one is sent once it is active again.
    #[garde(dive)]
    #[schema(value_type = Option<bool>, nullable = false)]
    active: Field<Option<Flag>>,
}

impl Request for UpdateWebhookRequest {}

impl TryFrom<UpdateWebhookRequest> for WebhookChange {
    type Error = Mistakes;

    fn try_from(request: UpdateWebhookRequest) -> Parsed<Self> {
        Ok(Self {
            url: request.url.value()?,
            types: request.types.value()?,
            description: request.description.value()?,
            active: request.active.value()?.map(|Flag(active)| active),
        })
    }
}

fn types() -> Array {
    let names = EventKind::ALL.map(EventKind::as_str).into_iter().chain([EventTypes::WILDCARD]);
    let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(name).min_items(Some(1)).max_items(Some(MAX_TYPES)).build()
}

fn signing() -> Object {
    let names = Signing::ALL.map(Signing::as_str);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).default(Some("hmac".into())).build()
}

/// All names of types.
const MAX_TYPES: usize = EventKind::ALL.len() + 1;

/// The name of a type, or `*`.
struct TypeName(&'static str);

impl FromJson for TypeName {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        if text == EventTypes::WILDCARD {
            return Ok(Self(EventTypes::WILDCARD));
        }
        Ok(Self(text.parse::<EventKind>()?.as_str()))
    }
}

impl FromJson for EventTypes {
    const EXPECTED: &'static str = "a list";

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
        let names = items::<TypeName, A>(list, MAX_TYPES)?;
        Ok(names.and_then(|names| Ok(Self::parse(names.into_iter().map(|TypeName(name)| name))?)))
    }
}

/// How endpoints are listed.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WebhookListQuery {
    /// `-createdAt` or `createdAt`
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^-?createdAt$", example = "-createdAt")]
    sort: Field<Option<Sort<WebhookSort>>>,
}

impl ListQuery for WebhookListQuery {
    type SortField = WebhookSort;
    type Filter = ();

    fn into_parts(self) -> Parsed<ListParts<(), WebhookSort>> {
        Ok(((), self.sort.value()?))
    }
}

/// Which deliveries are listed.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryListQuery {
    /// Those in this status
    #[garde(dive)]
    #[param(value_type = Option<StatusName>, inline, example = "dead")]
    status: Field<Option<DeliveryStatus>>,
    /// `-createdAt` or `createdAt`
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^-?createdAt$", example = "-createdAt")]
    sort: Field<Option<Sort<DeliverySort>>>,
}

impl ListQuery for DeliveryListQuery {
    type SortField = DeliverySort;
    type Filter = Option<DeliveryStatus>;

    fn into_parts(self) -> Parsed<ListParts<Option<DeliveryStatus>, DeliverySort>> {
        Ok((self.status.value()?, self.sort.value()?))
    }
}

/// The schema of a [`DeliveryStatus`].
struct StatusName;

impl PartialSchema for StatusName {
    fn schema() -> RefOr<Schema> {
        let names = DeliveryStatus::ALL.map(DeliveryStatus::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for StatusName {}
