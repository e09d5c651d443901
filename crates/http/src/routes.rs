//! What is served where.

use std::sync::Arc;

use actix_web::{
    App, Error,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    web::{self, ServiceConfig},
};

use crate::{
    API, HttpState, api_key, audit, auth,
    edge::Edge,
    error::{ApiError, ApiResult},
    operations, order, product, second_factor, user,
};

/// The application of one worker: every route, behind the edge.
pub fn app(
    state: &Arc<HttpState>,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    app_with(state, |_| {})
}

/// The same with more routes below [`API`], before all others.
pub(crate) fn app_with(
    state: &Arc<HttpState>,
    more: fn(&mut ServiceConfig),
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()> + use<>,
> {
    App::new()
        .app_data(web::Data::from(state.clone()))
        .service(web::scope(API).configure(more).configure(resources))
        .configure(operations::routes)
        .default_service(web::to(unknown))
        .wrap(Edge(state.clone()))
}

/// The most asked first: they are tried in this order.
fn resources(cfg: &mut ServiceConfig) {
    product::routes(cfg);
    order::routes(cfg);
    auth::routes(cfg);
    api_key::routes(cfg);
    second_factor::routes(cfg);
    user::routes(cfg);
    audit::routes(cfg);
}

async fn unknown() -> ApiResult {
    Err(ApiError::UnknownPath)
}
