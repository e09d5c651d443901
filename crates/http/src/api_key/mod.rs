//! Keys of machines.

mod routes;
mod views;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::edge::Methods;

/// What of the document is about keys.
#[derive(OpenApi)]
#[openapi(paths(routes::create, routes::list, routes::revoke))]
pub(crate) struct Docs;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    Methods::at("/auth/api-keys").get(routes::list).post(routes::create).mount(cfg);
    Methods::at("/auth/api-keys/{id}").delete(routes::revoke).mount(cfg);
}
