//! Orders.

mod requests;
mod routes;
mod views;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

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

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/orders").post(routes::place).get(routes::list).mount(to);
    Methods::at("/orders/{id}").get(routes::get).mount(to);
    Methods::at("/orders/{id}/events").get(routes::events).mount(to);
    Methods::at("/orders/{id}/cancel").post(routes::cancel).mount(to);
    Methods::at("/orders/{id}/pay").post(routes::pay).mount(to);
    Methods::at("/orders/{id}/ship").post(routes::ship).mount(to);
    Methods::at("/orders/{id}/deliver").post(routes::deliver).mount(to);
    Methods::at("/orders/{id}/refund").post(routes::refund).mount(to);
}
