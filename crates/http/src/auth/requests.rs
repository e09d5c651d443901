//! Logins as clients ask for them.

use entrepot_domain::{Email, second_factor::SecondFactorCode};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::request::{Field, Request};

/// Who logs in, and how they prove it.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"email": "ada@example.com", "password": "analytical engine"}))]
pub(crate) struct LoginRequest {
    /// The address of the account; its case does not matter.
    #[garde(dive)]
    #[schema(value_type = String, format = "email")]
    pub(super) email: Field<Email>,
    /// The password.
    #[garde(dive, custom(is_not_empty))]
    #[schema(value_type = String, format = "password", min_length = 1)]
    pub(super) password: Field<String>,
    /// For an account with a second factor: six digits of the app, or a recovery code. Others need none.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, pattern = "^[ -]*(([0-9][ -]*){6}|([A-Za-z2-7][ -]*){16})$")]
    pub(super) code: Field<Option<SecondFactorCode>>,
}

impl Request for LoginRequest {
    const FORM: bool = true;
}

/// A refresh token.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"refreshToken": "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln"}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefreshRequest {
    /// The refresh token that came with the last pair.
    #[garde(dive, custom(is_not_empty))]
    #[schema(value_type = String, min_length = 1)]
    pub(super) refresh_token: Field<String>,
}

impl Request for RefreshRequest {}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it so")]
fn is_not_empty(text: &Field<String>, (): &()) -> garde::Result {
    if text.get().is_some_and(String::is_empty) { Err(garde::Error::new("must not be empty")) } else { Ok(()) }
}
