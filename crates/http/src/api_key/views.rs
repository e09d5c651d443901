//! Keys as clients see them.

use entrepot_application::api_key::CreatedKey;
use entrepot_domain::api_key::{ApiKey, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// An API key, which lets a machine act for its user. The secret is shown only when the key is created.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    /// The identifier of the key.
    id: Uuid,
    /// The name that the user gave the key.
    #[schema(example = "The till in Leeds")]
    name: String,
    /// The first characters of the key, by which logs name it.
    #[schema(example = "ek_4fzyo82mvy")]
    prefix: String,
    /// The scopes of the key.
    #[schema(example = json!(["orders:read", "orders:write"]))]
    scopes: Vec<&'static str>,
    /// The time at which the key was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The time at which the key expires; null if it never does.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Rfc3339>,
    /// The time of the last use, to within a minute; null if the key was never used.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Rfc3339>,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name.as_str().to_owned(),
            prefix: key.prefix.to_string(),
            scopes: key.scopes.iter().map(Scope::as_str).collect(),
            created_at: Rfc3339(key.created_at),
            expires_at: key.expires_at.map(Rfc3339),
            last_used_at: key.last_used_at.map(Rfc3339),
        }
    }
}

/// A new API key, with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeApiKey)]
pub(crate) struct MadeKeyView {
    #[serde(flatten)]
    made: ApiKeyView,
    /// The key itself, for `Authorization: Bearer …`. It is shown only in this response.
    #[schema(example = "ek_4fzyo82mvyr3XkQ7tYB1dLsWc09EuGhJnPaRiKbTgZv")]
    key: String,
}

impl From<&CreatedKey> for MadeKeyView {
    fn from(made: &CreatedKey) -> Self {
        Self { made: ApiKeyView::from(&made.key), key: made.secret.expose().to_owned() }
    }
}
