//! Orders.

mod requests;
mod routes;
mod views;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::edge::Methods;

/// What of the document is about orders.
#[derive(OpenApi)]
#[openapi(paths(
    routes::place,
    routes::list,
    routes::get,
    routes::events,
    routes::cancel,
    routes::pay,
    routes::ship,
    routes::deliver,
    routes::refund,
))]
pub(crate) struct Docs;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    Methods::at("/orders").post(routes::place).get(routes::list).mount(cfg);
    Methods::at("/orders/{id}").get(routes::get).mount(cfg);
    Methods::at("/orders/{id}/events").get(routes::events).mount(cfg);
    Methods::at("/orders/{id}/cancel").post(routes::cancel).mount(cfg);
    Methods::at("/orders/{id}/pay").post(routes::pay).mount(cfg);
    Methods::at("/orders/{id}/ship").post(routes::ship).mount(cfg);
    Methods::at("/orders/{id}/deliver").post(routes::deliver).mount(cfg);
    Methods::at("/orders/{id}/refund").post(routes::refund).mount(cfg);
}
