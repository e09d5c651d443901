//! Second factors as clients see them.

use entrepot_application::second_factor::{Enrolment, SecondFactorStatus};
use entrepot_domain::second_factor::RecoveryCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The state of the user's second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpStatus)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TotpStatusView {
    /// Whether a login asks for a code.
    enabled: bool,
    /// The number of unused recovery codes.
    #[schema(example = 10)]
    recovery_codes_left: u32,
}

impl From<SecondFactorStatus> for TotpStatusView {
    fn from(status: SecondFactorStatus) -> Self {
        Self { enabled: status.enabled, recovery_codes_left: status.recovery_codes_left }
    }
}

/// The secret for an authenticator app. It is shown only in this response.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSecret)]
pub(crate) struct TotpSecretView {
    /// The secret in base 32, for manual entry.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The `otpauth` URL, to be shown as a QR code.
    #[schema(
        example = "otpauth://totp/Entrepot:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Entrepot&algorithm=SHA1&digits=6&period=30"
    )]
    uri: String,
}

impl From<&Enrolment> for TotpSecretView {
    fn from(begun: &Enrolment) -> Self {
        Self { secret: begun.secret.text().to_string(), uri: begun.secret.uri(&begun.email).to_string() }
    }
}

/// Recovery codes for a lost app, each valid once. They are shown only in this response.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoveryCodesView {
    /// Ten recovery codes.
    #[schema(example = json!(["GEZD-GNBV-GY3T-QOJQ", "MZXW-6YTB-OIMZ-XW6Y"]))]
    recovery_codes: Vec<String>,
}

impl From<Vec<RecoveryCode>> for RecoveryCodesView {
    fn from(codes: Vec<RecoveryCode>) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.text().to_string()).collect() }
    }
}
