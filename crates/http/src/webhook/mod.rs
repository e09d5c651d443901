//! Webhooks.

mod delivery_routes;
mod delivery_views;
mod requests;
mod routes;
mod views;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of webhooks.
#[derive(OpenApi)]
#[openapi(paths(
    routes::create,
    routes::list,
    routes::get,
    routes::update,
    routes::delete,
    routes::rotate,
    delivery_routes::test,
    delivery_routes::list,
    delivery_routes::retry,
))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/webhooks").get(routes::list).post(routes::create).mount(to);
    Methods::at("/webhooks/{id}").get(routes::get).patch(routes::update).delete(routes::delete).mount(to);
    Methods::at("/webhooks/{id}/secret").post(routes::rotate).mount(to);
    Methods::at("/webhooks/{id}/test").post(delivery_routes::test).mount(to);
    Methods::at("/webhooks/{id}/deliveries").get(delivery_routes::list).mount(to);
    Methods::at("/webhooks/{id}/deliveries/{deliveryId}/retry").post(delivery_routes::retry).mount(to);
}
