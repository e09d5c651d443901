//! Forgotten passwords, and the verification of emails.

mod requests;
mod routes;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of mailed tokens.
#[derive(OpenApi)]
#[openapi(paths(routes::forgot_password, routes::reset_password, routes::verify_email, routes::resend_verification))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/auth/password/forgot").post(routes::forgot_password).mount(to);
    Methods::at("/auth/password/reset").post(routes::reset_password).mount(to);
    Methods::at("/auth/email/verify").post(routes::verify_email).mount(to);
    Methods::at("/auth/email/resend").post(routes::resend_verification).mount(to);
}
