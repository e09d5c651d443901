//! The routes of second factors.

use actix_web::web::Data;
use entrepot_domain::UserId;

use super::{
    requests::{BeginTotpRequest, CodeRequest, ConfirmTotpRequest, RemoveTotpRequest},
    views::{RecoveryCodesView, TotpSecretView, TotpStatusView},
};
use crate::{
    HttpState,
    edge::{Authenticated, Caller, outlive},
    error::ApiResult,
    request::{PathId, RequestBody},
    response::{Success, no_content, ok, secret},
};

/// Look at your second factor
#[utoipa::path(
    get, path = "/api/v1/auth/totp", operation_id = "totpStatus", tag = "auth",
    responses((status = 200, description = "How you stand", body = Success<TotpStatusView>)),
    security(("bearer" = [])),
)]
pub(super) async fn status(state: Data<HttpState>, Authenticated(actor): Authenticated) -> ApiResult {
    ok(TotpStatusView::from(state.app.second_factors.status(&actor).await?))
}

/// Begin with a second factor
///
/// Gives the secret for an authenticator app (RFC 6238: SHA-1, six digits, thirty seconds), as text and as a URI for a QR
/// code. It is not in force before it is confirmed with a code; until then another one can be asked for. A wrong
/// `currentPassword` is a bad field, and counts as a failed login.
#[utoipa::path(
    post, path = "/api/v1/auth/totp", operation_id = "beginTotp", tag = "auth",
    request_body = BeginTotpRequest,
    responses(
        (status = 200, description = "The secret", body = Success<TotpSecretView>),
        (status = 409, description = "`second_factor_enabled`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn begin(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let current_password = body.read::<BeginTotpRequest>()?.current_password.value()?;
    let begin = async move { state.app.second_factors.begin(&actor, &current_password, &origin).await };
    secret(TotpSecretView::from(&outlive(begin).await??))
}

/// Bring the second factor into force
///
/// With a code of the app. From then on a login takes a `code`, and your other sessions end, for they were opened with a
/// password alone; API keys stay. The ten recovery codes are shown this once: each is good for one login without the app.
/// A wrong code is a bad field, and counts as a failed login.
#[utoipa::path(
    post, path = "/api/v1/auth/totp/confirm", operation_id = "confirmTotp", tag = "auth",
    request_body = ConfirmTotpRequest,
    responses(
        (status = 200, description = "It is in force", body = Success<RecoveryCodesView>),
        (status = 404, description = "`not_found`: nothing was begun"),
        (status = 409, description = "`second_factor_enabled`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn confirm(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let code = body.read::<ConfirmTotpRequest>()?.code.value()?;
    let confirm = async move { state.app.second_factors.confirm(&actor, &code, &origin).await };
    secret(RecoveryCodesView::from(outlive(confirm).await??))
}

/// Get new recovery codes
///
/// In the place of all that are left. It takes a code of the app, or a recovery code; a wrong one is a bad field, and counts
/// as a failed login.
#[utoipa::path(
    post, path = "/api/v1/auth/totp/recovery-codes", operation_id = "renewRecoveryCodes", tag = "auth",
    request_body = CodeRequest,
    responses(
        (status = 200, description = "The new ones", body = Success<RecoveryCodesView>),
        (status = 404, description = "`not_found`: no second factor is in force"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn renew_recovery_codes(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let code = body.read::<CodeRequest>()?.code.value()?;
    let renew = async move { state.app.second_factors.renew_recovery_codes(&actor, &code, &origin).await };
    secret(RecoveryCodesView::from(outlive(renew).await??))
}

/// Remove your second factor
///
/// Takes your password and a code, of the app or a recovery code; a wrong one is a bad field, and counts as a failed login.
/// Your sessions stay.
#[utoipa::path(
    delete, path = "/api/v1/auth/totp", operation_id = "removeTotp", tag = "auth",
    request_body = RemoveTotpRequest,
    responses(
        (status = 204, description = "A login takes no code any more"),
        (status = 404, description = "`not_found`: no second factor is in force"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn remove(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let request: RemoveTotpRequest = body.read()?;
    let (current_password, code) = (request.current_password.value()?, request.code.value()?);
    let remove = async move { state.app.second_factors.remove(&actor, &current_password, &code, &origin).await };
    outlive(remove).await??;
    Ok(no_content())
}

/// Remove somebody's second factor
///
/// For admins, when the app and the recovery codes are lost; not their own, which takes a code. Sessions stay.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}/totp", operation_id = "removeTotpOfUser", tag = "users",
    params(("id" = Uuid, Path, description = "The user")),
    responses(
        (status = 204, description = "A login takes no code any more"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`: no such user, or no second factor"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn remove_of(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<UserId>,
) -> ApiResult {
    outlive(async move { state.app.second_factors.remove_of(&actor, id, &origin).await }).await??;
    Ok(no_content())
}
