//! GraphQL over HTTP: the edge of `entrepot-graphql`.
//!
//! The handlers are not async-graphql's own for actix-web: those run mutations of a `GET`, take multipart forms, which
//! other sites may send, and answer everything with 200.

mod accept;
mod body;
mod message;
mod observe;
mod operations;
mod page;
mod routes;
mod socket;
mod sse;

use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// The OpenAPI paths of GraphQL.
#[derive(OpenApi)]
#[openapi(paths(routes::post, routes::get))]
pub(crate) struct Docs;

pub(crate) fn routes(to: &mut Routes) {
    Methods::at("/graphql").post(routes::post).get(routes::get).mount(to);
    Methods::at("/graphiql").get(page::page).mount_at_root(to);
    Methods::at("/graphiql/{*file}").get(page::file).mount_at_root(to);
}
