//! Accounts and roles.

mod requests;
mod routes;
mod view;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;
pub(crate) use view::UserView;

use crate::edge::Methods;

/// What of the document is about users.
#[derive(OpenApi)]
#[openapi(paths(
    routes::register,
    routes::list,
    routes::me,
    routes::get,
    routes::update,
    routes::set_roles,
    routes::delete,
))]
pub(crate) struct Docs;

pub(crate) fn routes(cfg: &mut ServiceConfig) {
    Methods::at("/users").post(routes::register).get(routes::list).mount(cfg);
    Methods::at("/users/me").get(routes::me).mount(cfg);
    Methods::at("/users/{id}").get(routes::get).patch(routes::update).delete(routes::delete).mount(cfg);
    Methods::at("/users/{id}/roles").put(routes::set_roles).mount(cfg);
}
