//! The second proof of who somebody is.

mod routes;
mod views;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::edge::Methods;

/// What of the document is about second factors.
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

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    Methods::at("/auth/totp").get(routes::status).post(routes::begin).delete(routes::remove).mount(cfg);
    Methods::at("/auth/totp/confirm").post(routes::confirm).mount(cfg);
    Methods::at("/auth/totp/recovery-codes").post(routes::renew_recovery_codes).mount(cfg);
    Methods::at("/users/{id}/totp").delete(routes::remove_of).mount(cfg);
}
