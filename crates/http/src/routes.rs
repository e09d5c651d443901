//! What is served where.

use std::{rc::Rc, sync::Arc};

use actix_web::{
    App, Error,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    web,
};

use crate::{
    HttpState, api_key, audit, auth,
    edge::{Edge, Patterns, Routes},
    error::{ApiError, ApiResult},
    operations, order, product,
    response::Bodies,
    second_factor, user,
};

/// The application of one worker: every route, behind the edge.
pub fn app(
    state: &Arc<HttpState>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    app_with(state, |_| {})
}

/// The same with more routes.
pub(crate) fn app_with(
    state: &Arc<HttpState>,
    more: fn(&mut Routes),
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    let mut routes = Routes::new(web::to(unknown));
    more(&mut routes);
    resources(&mut routes);
    operations::routes(&mut routes);
    let patterns = routes.patterns().unwrap_or_else(|error| {
        tracing::error!(%error, "paths are served twice");
        Patterns::default()
    });
    App::new()
        .app_data(web::Data::from(state.clone()))
        .app_data(web::Data::new(Bodies::default()))
        .default_service(routes)
        .wrap(Edge { state: state.clone(), patterns: Rc::new(patterns) })
}

fn resources(routes: &mut Routes) {
    product::routes(routes);
    order::routes(routes);
    auth::routes(routes);
    api_key::routes(routes);
    second_factor::routes(routes);
    user::routes(routes);
    audit::routes(routes);
}

async fn unknown() -> ApiResult {
    Err(ApiError::UnknownPath)
}
