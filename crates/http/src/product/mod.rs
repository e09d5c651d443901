//! The catalogue.

mod requests;
mod routes;
mod view;

use utoipa::OpenApi;
pub(crate) use view::MoneyView;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of products.
#[derive(OpenApi)]
#[openapi(paths(
    routes::list,
    routes::get,
    routes::create,
    routes::update,
    routes::archive,
    routes::restore,
    routes::adjust_stock,
))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/products/{id}").get(routes::get).patch(routes::update).delete(routes::archive).mount(to);
    Methods::at("/products").get(routes::list).post(routes::create).mount(to);
    Methods::at("/products/{id}/restore").post(routes::restore).mount(to);
    Methods::at("/products/{id}/stock").post(routes::adjust_stock).mount(to);
}
