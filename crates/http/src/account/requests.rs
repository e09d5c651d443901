//! What clients ask with mailed tokens.

use entrepot_domain::{Email, auth::PlainPassword};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::request::{Field, Request};

/// Whose password was forgotten.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"email": "ada@example.com"}))]
pub(crate) struct ForgotPasswordRequest {
    /// The address of the account; its case does not matter.
    #[garde(dive)]
    #[schema(value_type = String, format = "email", max_length = 254)]
    pub(super) email: Field<Email>,
}

impl Request for ForgotPasswordRequest {}

/// A new password, and the right to set it.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"token": "4fWmR0Zc2Vb1yXn8QpLkJh7Gd5Fs3Aq9Ew6Tu0Io1Pz", "password": "analytical engine"}))]
pub(crate) struct ResetPasswordRequest {
    /// The token of the link in the mail.
    #[garde(dive)]
    #[schema(value_type = String)]
    pub(super) token: Field<String>,
    /// 8 characters or more, at most 72 bytes, no NUL.
    #[garde(dive)]
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 72, pattern = r"^[^\x00]*$")]
    pub(super) password: Field<PlainPassword>,
}

impl Request for ResetPasswordRequest {}

/// The proof that mails to an address reach its owner.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"token": "4fWmR0Zc2Vb1yXn8QpLkJh7Gd5Fs3Aq9Ew6Tu0Io1Pz"}))]
pub(crate) struct VerifyEmailRequest {
    /// The token of the link in the mail.
    #[garde(dive)]
    #[schema(value_type = String)]
    pub(super) token: Field<String>,
}

impl Request for VerifyEmailRequest {}
