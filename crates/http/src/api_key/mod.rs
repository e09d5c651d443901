//! Keys of machines.

mod requests;
mod routes;
mod views;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of API keys.
#[derive(OpenApi)]
#[openapi(paths(routes::create, routes::list, routes::revoke))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/auth/api-keys").get(routes::list).post(routes::create).mount(to);
    Methods::at("/auth/api-keys/{id}").delete(routes::revoke).mount(to);
}
