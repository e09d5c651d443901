//! Orders.

mod requests;
mod routes;
mod transition;
mod views;

use utoipa::OpenApi;

use self::transition::{TRANSITIONS, Transitions, transition};
use crate::edge::{Methods, Routes};

/// The OpenAPI paths of orders.
#[derive(OpenApi)]
#[openapi(
    paths(routes::place, routes::list, routes::get, routes::events, transition::transition),
    modifiers(&Transitions)
)]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/orders").post(routes::place).get(routes::list).mount(to);
    Methods::at("/orders/{id}").get(routes::get).mount(to);
    Methods::at("/orders/{id}/events").get(routes::events).mount(to);
    for (action, ..) in TRANSITIONS {
        Methods::at(&format!("/orders/{{id}}/{}", action.as_str())).post(transition(action)).mount(to);
    }
}
