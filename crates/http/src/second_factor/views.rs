//! Second factors as clients write and see them.

use entrepot_application::second_factor::{Begun, Status};
use entrepot_domain::{
    Invalid,
    second_factor::{RecoveryCode, SecondFactorCode, TotpCode},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::{Fields, FromFields};

fn password(fields: &mut Fields<'_>) -> Option<String> {
    fields.text("currentPassword", |text| Ok::<_, Invalid>(text.to_owned()))
}

/// A proof that it is you who begins.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"currentPassword": "analytical engine"}))]
pub(crate) struct BeginTotpRequest {
    /// The password you have now.
    #[schema(format = "password")]
    pub(super) current_password: String,
}

impl FromFields for BeginTotpRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        password(fields).map(|current_password| Self { current_password })
    }
}

/// The first code of an app.
#[derive(ToSchema)]
#[schema(example = json!({"code": "287082"}))]
pub(crate) struct ConfirmTotpRequest {
    /// Six digits, as the app shows them now.
    #[schema(value_type = String, pattern = "^[ -]*([0-9][ -]*){6}$")]
    pub(super) code: TotpCode,
}

impl FromFields for ConfirmTotpRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.text("code", TotpCode::parse).map(|code| Self { code })
    }
}

/// A code.
#[derive(ToSchema)]
#[schema(example = json!({"code": "287082"}))]
pub(crate) struct CodeRequest {
    /// Six digits of the app, or a recovery code.
    #[schema(value_type = String, pattern = "^[ -]*(([0-9][ -]*){6}|([A-Za-z2-7][ -]*){16})$")]
    pub(super) code: SecondFactorCode,
}

impl FromFields for CodeRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.text("code", SecondFactorCode::parse).map(|code| Self { code })
    }
}

/// A proof that it is you who removes it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"currentPassword": "analytical engine", "code": "287082"}))]
pub(crate) struct RemoveTotpRequest {
    /// The password you have now.
    #[schema(format = "password")]
    pub(super) current_password: String,
    /// Six digits of the app, or a recovery code.
    #[schema(value_type = String, pattern = "^[ -]*(([0-9][ -]*){6}|([A-Za-z2-7][ -]*){16})$")]
    pub(super) code: SecondFactorCode,
}

impl FromFields for RemoveTotpRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let current_password = password(fields);
        let code = fields.text("code", SecondFactorCode::parse);
        Some(Self { current_password: current_password?, code: code? })
    }
}

/// How you stand with a second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpStatus)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TotpStatusView {
    /// Whether a login asks for a code.
    enabled: bool,
    /// How many recovery codes are left.
    #[schema(example = 10)]
    recovery_codes_left: u32,
}

impl From<Status> for TotpStatusView {
    fn from(status: Status) -> Self {
        Self { enabled: status.enabled, recovery_codes_left: status.recovery_codes_left }
    }
}

/// The secret for an authenticator app. Shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSecret)]
pub(crate) struct TotpSecretView {
    /// To be typed: base 32.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// For a QR code.
    #[schema(
        example = "otpauth://totp/Entrepot:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Entrepot&algorithm=SHA1&digits=6&period=30"
    )]
    uri: String,
}

impl From<&Begun> for TotpSecretView {
    fn from(begun: &Begun) -> Self {
        Self { secret: begun.secret.text().to_string(), uri: begun.secret.uri(&begun.email).to_string() }
    }
}

/// Codes for when the app is lost, each good once. Shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoveryCodesView {
    /// Ten of them.
    #[schema(example = json!(["GEZD-GNBV-GY3T-QOJQ", "MZXW-6YTB-OIMZ-XW6Y"]))]
    recovery_codes: Vec<String>,
}

impl From<Vec<RecoveryCode>> for RecoveryCodesView {
    fn from(codes: Vec<RecoveryCode>) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.text().to_string()).collect() }
    }
}
