//! Background jobs.

mod requests;
mod routes;
mod view;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of background jobs.
#[derive(OpenApi)]
#[openapi(paths(routes::list, routes::summary, routes::get, routes::retry, routes::cancel))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/admin/jobs").get(routes::list).mount(to);
    Methods::at("/admin/jobs/summary").get(routes::summary).mount(to);
    Methods::at("/admin/jobs/{id}").get(routes::get).mount(to);
    Methods::at("/admin/jobs/{id}/retry").post(routes::retry).mount(to);
    Methods::at("/admin/jobs/{id}/cancel").post(routes::cancel).mount(to);
}
