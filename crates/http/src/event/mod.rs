//! The event log and its live feeds, by server-sent events and WebSocket.

mod follow;
mod frames;
mod requests;
mod routes;
mod socket;
mod sse;
mod view;

pub use follow::follow_events;
use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of events.
#[derive(OpenApi)]
#[openapi(paths(routes::log, routes::server_sent, routes::web_socket))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/events").get(routes::server_sent).mount(to);
    Methods::at("/events/log").get(routes::log).mount(to);
    Methods::at("/ws").get(routes::web_socket).mount(to);
}
