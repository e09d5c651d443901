//! The application: every route, behind the middleware.

use std::{rc::Rc, sync::Arc};

use actix_web::{
    App, Error,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    web,
};

use crate::{
    HttpState, account, api_key, audit, auth,
    edge::{Edge, Patterns, Routes},
    error::{ApiError, ApiResult},
    event, graphql, job,
    openapi::openapi,
    operations::{self, DocumentSource},
    order, product,
    response::Bodies,
    second_factor, user, webhook,
};

/// The application of one worker.
pub fn app(
    state: &Arc<HttpState>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    app_with(state, |_| {})
}

/// The application of a process that does not serve the API: liveness, readiness and metrics.
pub fn probes(
    state: &Arc<HttpState>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    let mut routes = empty();
    operations::probes(&mut routes);
    app_of(state, routes)
}

/// The same with more routes, for tests.
pub(crate) fn app_with(
    state: &Arc<HttpState>,
    more: fn(&mut Routes),
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    let mut routes = empty();
    more(&mut routes);
    resources(&mut routes);
    operations::routes(&mut routes);
    app_of(state, routes)
}

fn empty() -> Routes {
    Routes::new(web::to(not_found))
}

fn app_of(
    state: &Arc<HttpState>,
    routes: Routes,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    let patterns = routes.patterns().unwrap_or_else(|error| {
        tracing::error!(%error, "two routes match the same paths");
        Patterns::default()
    });
    App::new()
        .app_data(web::Data::from(state.clone()))
        .app_data(web::Data::new(Bodies::default()))
        .app_data(web::Data::new(DocumentSource(|| openapi().to_json().unwrap_or_default())))
        .default_service(routes)
        .wrap(Edge { state: state.clone(), patterns: Rc::new(patterns) })
}

fn resources(routes: &mut Routes) {
    product::routes(routes);
    order::routes(routes);
    auth::routes(routes);
    account::routes(routes);
    api_key::routes(routes);
    second_factor::routes(routes);
    user::routes(routes);
    audit::routes(routes);
    job::routes(routes);
    webhook::routes(routes);
    event::routes(routes);
    graphql::routes(routes);
}

async fn not_found() -> ApiResult {
    Err(ApiError::UnknownPath)
}
