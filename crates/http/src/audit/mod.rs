//! The audit log.

mod requests;
mod routes;
mod view;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of the audit log.
#[derive(OpenApi)]
#[openapi(paths(routes::list))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/admin/audit").get(routes::list).mount(to);
}
