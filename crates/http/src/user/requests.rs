//! What clients ask of accounts.

use entrepot_application::user::{Registration, UserUpdate};
use entrepot_domain::{
    Email, Invalid,
    auth::PlainPassword,
    user::{PersonName, Role, Roles},
};
use utoipa::{
    ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, Type},
};

use crate::request::{Fields, FromFields};

/// A new account.
#[derive(ToSchema)]
#[schema(
    example = json!({"name": "Ada Lovelace", "email": "ada@example.com", "password": "analytical engine"}),
)]
pub(crate) struct RegisterRequest {
    /// What you want to be called.
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = "line")]
    name: PersonName,
    /// Your address; unique but for its case.
    #[schema(value_type = String, format = "email", max_length = 254)]
    email: Email,
    /// 8 characters or more, at most 72 bytes, no NUL.
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 72, pattern = r"^[^\x00]*$")]
    password: PlainPassword,
}

impl FromFields for RegisterRequest {
    const FORM: bool = true;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.text("name", PersonName::parse);
        let email = fields.text("email", Email::parse);
        let password = fields.text("password", PlainPassword::parse);
        Some(Self { name: name?, email: email?, password: password? })
    }
}

impl From<RegisterRequest> for Registration {
    fn from(request: RegisterRequest) -> Self {
        Self { name: request.name, email: request.email, password: request.password }
    }
}

/// What to change of an account; what is left out stays.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"name": "Ada King"}))]
pub(crate) struct UpdateUserRequest {
    /// A new name.
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 100, pattern = "line")]
    name: Option<PersonName>,
    /// A new address.
    #[schema(value_type = Option<String>, nullable = false, format = "email", max_length = 254)]
    email: Option<Email>,
    /// A new password; your other sessions end with it.
    #[schema(value_type = Option<String>, nullable = false, format = "password", min_length = 8, max_length = 72, pattern = r"^[^\x00]*$")]
    password: Option<PlainPassword>,
    /// The password you have now: needed to change your own address or password.
    #[schema(nullable = false, format = "password")]
    current_password: Option<String>,
}

impl FromFields for UpdateUserRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.optional_text("name", PersonName::parse);
        let email = fields.optional_text("email", Email::parse);
        let password = fields.optional_text("password", PlainPassword::parse);
        let current_password = fields.optional_text("currentPassword", |text| Ok::<_, Invalid>(text.to_owned()));
        Some(Self { name: name?, email: email?, password: password?, current_password: current_password? })
    }
}

impl From<UpdateUserRequest> for UserUpdate {
    fn from(request: UpdateUserRequest) -> Self {
        Self {
            name: request.name,
            email: request.email,
            password: request.password,
            current_password: request.current_password,
        }
    }
}

/// The roles that a user is to have.
#[derive(ToSchema)]
#[schema(example = json!({"roles": ["customer", "staff"]}))]
pub(crate) struct RolesRequest {
    /// At least one of `customer`, `staff`, `admin`.
    #[schema(schema_with = roles)]
    pub(super) roles: Roles,
}

fn roles() -> Array {
    let names = Role::ALL.map(Role::as_str);
    let role = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(role).min_items(Some(1)).max_items(Some(names.len())).build()
}

impl FromFields for RolesRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let roles = fields.texts("roles", Role::ALL.len(), str::parse::<Role>)?;
        match Roles::new(roles) {
            Ok(roles) => Some(Self { roles }),
            Err(why) => {
                fields.refuse("roles", why);
                None
            }
        }
    }
}
