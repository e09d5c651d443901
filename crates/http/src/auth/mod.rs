//! Login, tokens and sessions.

mod requests;
mod routes;
mod views;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of logins.
#[derive(OpenApi)]
#[openapi(paths(
    routes::login,
    routes::refresh,
    routes::logout,
    routes::ticket,
    routes::list_sessions,
    routes::end_session,
    routes::end_sessions,
))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/auth/login").post(routes::login).mount(to);
    Methods::at("/auth/refresh").post(routes::refresh).mount(to);
    Methods::at("/auth/logout").post(routes::logout).mount(to);
    Methods::at("/auth/ticket").post(routes::ticket).mount(to);
    Methods::at("/auth/sessions").get(routes::list_sessions).delete(routes::end_sessions).mount(to);
    Methods::at("/auth/sessions/{id}").delete(routes::end_session).mount(to);
}
