//! Keys as clients ask for them.

use entrepot_application::api_key::ApiKeyRequest;
use entrepot_domain::{
    Invalid, Timestamp,
    api_key::{ApiKeyName, Scope, Scopes},
};
use garde::Validate;
use serde::{Deserialize, de::SeqAccess};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, Type},
};

use crate::request::{EndOfDay, Field, FromJson, Mistakes, Parsed, Request, TimeOrDate, items};

/// A key to be made.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    example = json!({"name": "The till in Leeds", "scopes": ["orders:read", "orders:write"], "expiresAt": "2036-12-31"}),
)]
pub(crate) struct CreateApiKeyRequest {
    /// The name of the key.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = "line")]
    name: Field<ApiKeyName>,
    /// What it may do, at least one of `orders:read`, `orders:write`, `products:write`, `stock:write`, `users:read`,
    /// `events:read`, `webhooks:write`.
    #[garde(dive)]
    #[schema(schema_with = scopes)]
    scopes: Field<Scopes>,
    /// From when on it is good no more: RFC 3339, or a date, whose end is meant. Without it, it is good until it is
    /// revoked.
    #[garde(dive)]
    #[schema(schema_with = TimeOrDate::schema, required = false)]
    expires_at: Field<Option<Expiry>>,
}

impl Request for CreateApiKeyRequest {}

impl TryFrom<CreateApiKeyRequest> for ApiKeyRequest {
    type Error = Mistakes;

    fn try_from(request: CreateApiKeyRequest) -> Parsed<Self> {
        Ok(Self {
            name: request.name.value()?,
            scopes: request.scopes.value()?,
            expires_at: request.expires_at.value()?.map(|Expiry(at)| at),
        })
    }
}

fn scopes() -> Array {
    let names = Scope::ALL.map(Scope::as_str);
    let scope = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(scope).min_items(Some(1)).max_items(Some(names.len())).build()
}

impl FromJson for Scopes {
    const EXPECTED: &'static str = "a list";

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
        Ok(items::<Scope, A>(list, Scope::ALL.len())?.and_then(|scopes| Ok(Self::new(scopes)?)))
    }
}

/// A point in time in whole milliseconds, which is what stores keep.
struct Expiry(Timestamp);

impl FromJson for Expiry {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        let EndOfDay(at) = EndOfDay::from_text(text)?;
        let at = Timestamp::from_timestamp_millis(at.timestamp_millis());
        Ok(Self(at.ok_or_else(|| Invalid::new("is out of range"))?))
    }
}
