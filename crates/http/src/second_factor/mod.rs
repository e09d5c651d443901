//! The second proof of who somebody is.

mod requests;
mod routes;
mod views;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of second factors.
#[derive(OpenApi)]
#[openapi(paths(
    routes::status,
    routes::begin,
    routes::remove,
    routes::confirm,
    routes::renew_recovery_codes,
    routes::remove_of,
))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/auth/totp").get(routes::status).post(routes::begin).delete(routes::remove).mount(to);
    Methods::at("/auth/totp/confirm").post(routes::confirm).mount(to);
    Methods::at("/auth/totp/recovery-codes").post(routes::renew_recovery_codes).mount(to);
    Methods::at("/users/{id}/totp").delete(routes::remove_of).mount(to);
}
