//! Users as clients see them.

use entrepot_domain::user::User;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// A user account, without the password or its hash.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    /// The identifier of the user.
    id: Uuid,
    /// The display name.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// The e-mail address.
    #[schema(format = "email", example = "ada@example.com")]
    email: String,
    /// The roles: `customer`, `staff`, `admin`.
    #[schema(example = json!(["customer"]))]
    roles: Vec<&'static str>,
    /// Whether the e-mail address was verified.
    #[schema(example = false)]
    email_verified: bool,
    /// The time at which the account was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The time of the last change.
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
