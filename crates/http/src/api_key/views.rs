//! Keys as clients write and see them.

use entrepot_application::api_key::{KeyRequest, MadeKey};
use entrepot_domain::{
    Invalid, Timestamp,
    api_key::{ApiKey, ApiKeyName, Scope, Scopes},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, Type},
};
use uuid::Uuid;

use crate::{
    request::{Day, Fields, FromFields, Moment, moment},
    response::Stamp,
};

/// A key to be made.
#[derive(ToSchema)]
#[schema(
    rename_all = "camelCase",
    example = json!({"name": "The till in Leeds", "scopes": ["orders:read", "orders:write"], "expiresAt": "2036-12-31"}),
)]
pub(crate) struct CreateApiKeyRequest {
    /// What you call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = "line")]
    name: ApiKeyName,
    /// What it may do, at least one of `orders:read`, `orders:write`, `products:write`, `stock:write`, `users:read`.
    #[schema(schema_with = scopes)]
    scopes: Scopes,
    /// From when on it is good no more: RFC 3339, or a date, whose end is meant. Without it, it is good until it is
    /// revoked.
    #[schema(schema_with = Moment::schema, required = false)]
    expires_at: Option<Timestamp>,
}

fn scopes() -> Array {
    let names = Scope::ALL.map(Scope::as_str);
    let scope = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(scope).min_items(Some(1)).max_items(Some(names.len())).build()
}

impl FromFields for CreateApiKeyRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.text("name", ApiKeyName::parse);
        let scopes = fields.texts("scopes", Scope::ALL.len(), str::parse::<Scope>);
        let scopes = scopes.and_then(|scopes| Scopes::new(scopes).map_err(|why| fields.refuse("scopes", why)).ok());
        let expires_at = fields.optional_text("expiresAt", expiry);
        Some(Self { name: name?, scopes: scopes?, expires_at: expires_at? })
    }
}

/// A moment, in the whole milliseconds that are kept.
fn expiry(text: &str) -> Result<Timestamp, Invalid> {
    let moment = moment(text, Day::End)?;
    Timestamp::from_timestamp_millis(moment.timestamp_millis()).ok_or_else(|| Invalid::new("is out of range"))
}

impl From<CreateApiKeyRequest> for KeyRequest {
    fn from(request: CreateApiKeyRequest) -> Self {
        Self { name: request.name, scopes: request.scopes, expires_at: request.expires_at }
    }
}

/// A key that lets a machine act for you. Its secret is not here: that was shown when it was made.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    /// Names it.
    id: Uuid,
    /// What you call it.
    #[schema(example = "The till in Leeds")]
    name: String,
    /// What the key begins with; logs call it so.
    #[schema(example = "ek_4fzyo82mvy")]
    prefix: String,
    /// What it may do.
    #[schema(example = json!(["orders:read", "orders:write"]))]
    scopes: Vec<&'static str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Stamp,
    /// From when on it is good no more; null is never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Stamp>,
    /// When it was last used, give or take a minute; null is never.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Stamp>,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name.as_str().to_owned(),
            prefix: key.prefix.to_string(),
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            created_at: Stamp(key.created_at),
            expires_at: key.expires_at.map(Stamp),
            last_used_at: key.last_used_at.map(Stamp),
        }
    }
}

/// A key that was just made, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeApiKey)]
pub(crate) struct MadeKeyView {
    #[serde(flatten)]
    made: ApiKeyView,
    /// The key itself, for `Authorization: Bearer …`. Shown this once.
    #[schema(example = "ek_4fzyo82mvyr3XkQ7tYB1dLsWc09EuGhJnPaRiKbTgZv")]
    key: String,
}

impl From<&MadeKey> for MadeKeyView {
    fn from(made: &MadeKey) -> Self {
        Self { made: ApiKeyView::from(&made.key), key: made.secret.expose().to_owned() }
    }
}
