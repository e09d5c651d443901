//! Second factors as clients ask for them.

use entrepot_domain::second_factor::{SecondFactorCode, TotpCode};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::request::{Field, Request};

/// A proof that it is you who begins.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"currentPassword": "analytical engine"}))]
pub(crate) struct BeginTotpRequest {
    /// The password you have now.
    #[garde(dive)]
    #[schema(value_type = String, format = "password")]
    pub(super) current_password: Field<String>,
}

impl Request for BeginTotpRequest {}

/// The first code of an app.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"code": "287082"}))]
pub(crate) struct ConfirmTotpRequest {
    /// Six digits, as the app shows them now.
    #[garde(dive)]
    #[schema(value_type = String, pattern = "^[ -]*([0-9][ -]*){6}$")]
    pub(super) code: Field<TotpCode>,
}

impl Request for ConfirmTotpRequest {}

/// A code.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"code": "287082"}))]
pub(crate) struct CodeRequest {
    /// Six digits of the app, or a recovery code.
    #[garde(dive)]
    #[schema(value_type = String, pattern = "^[ -]*(([0-9][ -]*){6}|([A-Za-z2-7][ -]*){16})$")]
    pub(super) code: Field<SecondFactorCode>,
}

impl Request for CodeRequest {}

/// A proof that it is you who removes it.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"currentPassword": "analytical engine", "code": "287082"}))]
pub(crate) struct RemoveTotpRequest {
    /// The password you have now.
    #[garde(dive)]
    #[schema(value_type = String, format = "password")]
    pub(super) current_password: Field<String>,
    /// Six digits of the app, or a recovery code.
    #[garde(dive)]
    #[schema(value_type = String, pattern = "^[ -]*(([0-9][ -]*){6}|([A-Za-z2-7][ -]*){16})$")]
    pub(super) code: Field<SecondFactorCode>,
}

impl Request for RemoveTotpRequest {}
