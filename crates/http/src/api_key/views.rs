//! Keys as clients see them.

use entrepot_application::api_key::CreatedKey;
use entrepot_domain::api_key::{ApiKey, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

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
    created_at: Rfc3339,
    /// From when on it is good no more; null is never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Rfc3339>,
    /// When it was last used, give or take a minute; null is never.
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

impl From<&CreatedKey> for MadeKeyView {
    fn from(made: &CreatedKey) -> Self {
        Self { made: ApiKeyView::from(&made.key), key: made.secret.expose().to_owned() }
    }
}
