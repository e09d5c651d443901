//! The routes of mailed tokens.

use actix_web::web::Data;

use super::requests::{ForgotPasswordRequest, ResetPasswordRequest, VerifyEmailRequest};
use crate::{
    HttpState,
    edge::{Authenticated, Caller, outlive},
    error::ApiResult,
    request::RequestBody,
    response::{Noted, no_content, noted},
};

/// Ask for a new password
///
/// Mails the owner of the account a link with a token, which is good for an hour and for one use. The answer, and the time
/// that it takes, do not tell whether there is such an account. An account is sent five such mails in an hour at most.
#[utoipa::path(
    post, path = "/api/v1/auth/password/forgot", operation_id = "forgotPassword", tag = "auth",
    request_body = ForgotPasswordRequest,
    responses((status = 202, description = "A mail is sent, if there is such an account", body = Noted)),
)]
pub(super) async fn forgot_password(state: Data<HttpState>, body: RequestBody) -> ApiResult {
    let email = body.read::<ForgotPasswordRequest>()?.email.value()?;
    outlive(async move { state.app.accounts.forgot_password(&email).await }).await??;
    noted("if there is an account with this address, a mail is on its way to it")
}

/// Set a new password
///
/// With the token of a mail. Every session of the account ends, and so do its other tokens of this kind.
#[utoipa::path(
    post, path = "/api/v1/auth/password/reset", operation_id = "resetPassword", tag = "auth",
    request_body = ResetPasswordRequest,
    responses((status = 204, description = "The password is set; log in with it")),
)]
pub(super) async fn reset_password(
    state: Data<HttpState>,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let request: ResetPasswordRequest = body.read()?;
    let (token, password) = (request.token.value()?, request.password.value()?);
    outlive(async move { state.app.accounts.reset_password(&token, &password, &origin).await }).await??;
    Ok(no_content())
}

/// Verify an address
///
/// With the token of a mail, which is good for three days, for one use, and as long as the account has that address.
#[utoipa::path(
    post, path = "/api/v1/auth/email/verify", operation_id = "verifyEmail", tag = "auth",
    request_body = VerifyEmailRequest,
    responses((status = 204, description = "The address is verified")),
)]
pub(super) async fn verify_email(
    state: Data<HttpState>,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let token = body.read::<VerifyEmailRequest>()?.token.value()?;
    outlive(async move { state.app.accounts.verify_email(&token, &origin).await }).await??;
    Ok(no_content())
}

/// Send the mail that verifies your address again
///
/// Nothing is sent if it is verified already. An account is sent five such mails in an hour at most.
#[utoipa::path(
    post, path = "/api/v1/auth/email/resend", operation_id = "resendVerification", tag = "auth",
    responses((status = 202, description = "A mail is sent, if one is needed", body = Noted)),
    security(("bearer" = [])),
)]
pub(super) async fn resend_verification(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    body: RequestBody,
) -> ApiResult {
    body.expect_empty()?;
    outlive(async move { state.app.accounts.resend_verification(&actor).await }).await??;
    noted("if your address is not verified yet, a mail is on its way to it")
}
