//! The catalogue.

mod requests;
mod routes;
mod view;

use actix_web::web::{Data, ServiceConfig};
use utoipa::OpenApi;
pub(crate) use view::MoneyView;

use crate::{edge::Methods, response::Bodies};

/// What of the document is about products.
#[derive(OpenApi)]
#[openapi(paths(routes::list, routes::get, routes::create, routes::update, routes::archive, routes::adjust_stock,))]
pub(crate) struct Docs;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    cfg.app_data(Data::new(Bodies::default()));
    Methods::at("/products/{id}").get(routes::get).patch(routes::update).delete(routes::archive).mount(cfg);
    Methods::at("/products").get(routes::list).post(routes::create).mount(cfg);
    Methods::at("/products/{id}/stock").post(routes::adjust_stock).mount(cfg);
}
