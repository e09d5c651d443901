//! What clients ask of accounts.

use entrepot_application::user::{Registration, UserUpdate};
use entrepot_domain::{
    Email, Sort,
    auth::PlainPassword,
    user::{PersonName, Role, Roles, UserFilter, UserSort},
};
use garde::Validate;
use serde::{Deserialize, de::SeqAccess};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{Array, ArrayBuilder, ObjectBuilder, Type},
};

use crate::request::{Field, FromJson, ListParts, ListQuery, Mistakes, Parsed, Request, SearchText, items};

/// A new account.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(
    example = json!({"name": "Ada Lovelace", "email": "ada@example.com", "password": "analytical engine"}),
)]
pub(crate) struct RegisterRequest {
    /// The display name.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 100, pattern = "line")]
    name: Field<PersonName>,
    /// Your address; unique but for its case.
    #[garde(dive)]
    #[schema(value_type = String, format = "email", max_length = 254)]
    email: Field<Email>,
    /// 8 characters or more, at most 72 bytes, no NUL.
    #[garde(dive)]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 72, pattern = r"^[^\x00]*$")]
    password: Field<PlainPassword>,
}

impl Request for RegisterRequest {
    const FORM: bool = true;
}

impl TryFrom<RegisterRequest> for Registration {
    type Error = Mistakes;

    fn try_from(request: RegisterRequest) -> Parsed<Self> {
        Ok(Self { name: request.name.value()?, email: request.email.value()?, password: request.password.value()? })
    }
}

/// What to change of an account; what is left out stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"name": "Ada King"}))]
pub(crate) struct UpdateUserRequest {
    /// A new name.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 100, pattern = "line")]
    name: Field<Option<PersonName>>,
    /// A new address.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, format = "email", max_length = 254)]
    email: Field<Option<Email>>,
    /// A new password; your other sessions end with it.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, format = "password", min_length = 8, max_length = 72, pattern = r"^[^\x00]*$")]
    password: Field<Option<PlainPassword>>,
    /// The password you have now: needed to change your own address or password.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, format = "password")]
    current_password: Field<Option<String>>,
}

impl Request for UpdateUserRequest {}

impl TryFrom<UpdateUserRequest> for UserUpdate {
    type Error = Mistakes;

    fn try_from(request: UpdateUserRequest) -> Parsed<Self> {
        Ok(Self {
            name: request.name.value()?,
            email: request.email.value()?,
            password: request.password.value()?,
            current_password: request.current_password.value()?,
        })
    }
}

/// The roles that a user is to have.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"roles": ["customer", "staff"]}))]
pub(crate) struct RolesRequest {
    /// At least one of `customer`, `staff`, `admin`.
    #[garde(dive)]
    #[schema(schema_with = roles)]
    pub(super) roles: Field<Roles>,
}

impl Request for RolesRequest {}

fn roles() -> Array {
    let names = Role::ALL.map(Role::as_str);
    let role = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    ArrayBuilder::new().items(role).min_items(Some(1)).max_items(Some(names.len())).build()
}

impl FromJson for Roles {
    const EXPECTED: &'static str = "a list";

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
        Ok(items::<Role, A>(list, Role::ALL.len())?.and_then(|roles| Ok(Self::new(roles)?)))
    }
}

/// Which users are listed.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UserListQuery {
    /// Words in any order: name or address must have all of them, whatever their case, also within other words
    #[garde(dive)]
    #[param(value_type = Option<String>, max_length = 200, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$", example = "ada")]
    q: Field<Option<SearchText>>,
    /// Those that have it: `customer`, `staff`, `admin`
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^(customer|staff|admin)$")]
    role: Field<Option<Role>>,
    /// `name`, `email`, `createdAt`, each with an optional minus
    #[garde(dive)]
    #[param(
        value_type = Option<String>,
        pattern = "^-?(name|email|createdAt)(,-?(name|email|createdAt))*$",
        example = "-createdAt"
    )]
    sort: Field<Option<Sort<UserSort>>>,
}

impl ListQuery for UserListQuery {
    type SortField = UserSort;
    type Filter = UserFilter;

    fn into_parts(self) -> Parsed<ListParts<UserFilter, UserSort>> {
        let filter = UserFilter { search: self.q.value()?.map(|SearchText(words)| words), role: self.role.value()? };
        Ok((filter, self.sort.value()?))
    }
}
