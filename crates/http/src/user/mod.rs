//! Accounts and roles.

mod requests;
mod routes;
mod view;

use utoipa::OpenApi;
pub(crate) use view::UserView;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of users.
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

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/users").post(routes::register).get(routes::list).mount(to);
    Methods::at("/users/me").get(routes::me).mount(to);
    Methods::at("/users/{id}").get(routes::get).patch(routes::update).delete(routes::delete).mount(to);
    Methods::at("/users/{id}/roles").put(routes::set_roles).mount(to);
}
