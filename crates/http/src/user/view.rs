//! Users as clients see them.

use entrepot_domain::user::User;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// Somebody with an account. Never a password, nor a hash of one.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// Names the user.
    id: Uuid,
    /// What they want to be called.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// Their address.
    #[schema(format = "email", example = "ada@example.com")]
    email: String,
    /// What they may do: `customer`, `staff`, `admin`.
    #[schema(example = json!(["customer"]))]
    roles: Vec<&'static str>,
    /// Whether the address was proved to be theirs.
    #[schema(example = false)]
    email_verified: bool,
    /// When they signed up.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When the account was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            name: user.name.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            roles: user.roles.iter().map(entrepot_domain::user::Role::as_str).collect(),
            email_verified: user.email_verified,
            created_at: Rfc3339(user.created_at),
            updated_at: Rfc3339(user.updated_at),
        }
    }
}
