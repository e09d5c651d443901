//! The audit log.

mod routes;
mod view;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::edge::Methods;

/// What of the document is about the audit log.
#[derive(OpenApi)]
#[openapi(paths(routes::list))]
pub(crate) struct Docs;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    Methods::at("/admin/audit").get(routes::list).mount(cfg);
}
