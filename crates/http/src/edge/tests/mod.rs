//! Tests of the middleware.

mod api_keys;
mod callers;
mod compress;
mod cors;
mod errors;
mod headers;
mod http_server;
mod limits;
mod log;
mod methods;
mod metrics;

use std::time::Duration;

use actix_web::{HttpResponse, test::TestRequest};
use entrepot_application::Error;
use entrepot_domain::Fault;

use crate::{
    edge::{Authenticated, Caller, Methods, Routes, outlive},
    error::{ApiError, ApiResult},
    testing::Mocks,
};

/// Routes that misbehave.
fn odd(to: &mut Routes) {
    Methods::at("/things/{id}").get(thing).patch(thing).delete(thing).mount(to);
    Methods::at("/orders").post(thing).mount(to);
    Methods::at("/who").get(who).mount(to);
    Methods::at("/odd/panic").get(panics).mount(to);
    Methods::at("/odd/never").get(never).mount(to);
    Methods::at("/odd/outlived").post(outlived).mount(to);
    Methods::at("/odd/foreign").get(foreign).mount(to);
    Methods::at("/odd/bare").get(bare).mount(to);
    Methods::at("/odd/down").get(down).mount(to);
    Methods::at("/odd/broken").get(broken).mount(to);
    Methods::at("/odd/chatty").get(chatty).mount(to);
    Methods::at("/odd/validation").get(invalid).mount(to);
}

async fn thing() -> HttpResponse {
    HttpResponse::Created().body("a thing")
}

async fn who(caller: Caller, Authenticated(actor): Authenticated) -> String {
    let agent = caller.user_agent.unwrap_or_default();
    format!("{} {} {agent} {}", actor.user.0.as_u128(), caller.origin.address, caller.origin.request_id)
}

#[allow(clippy::unused_async, reason = "a handler")]
async fn panics() -> ApiResult {
    panic!("secret inside")
}

async fn never() -> ApiResult {
    std::future::pending().await
}

async fn outlived() -> ApiResult {
    outlive(async { panics().await }).await?
}

async fn foreign() -> Result<HttpResponse, actix_web::Error> {
    Err(actix_web::error::ErrorImATeapot("secret inside"))
}

async fn bare() -> HttpResponse {
    HttpResponse::NotFound().body("secret inside")
}

async fn down() -> ApiResult {
    let cause = anyhow::anyhow!("no route to host").context("connecting to db.internal");
    Err(Fault::unavailable("postgres", cause).into())
}

async fn broken() -> ApiResult {
    Err(Fault::unknown(anyhow::anyhow!("secret inside")).into())
}

async fn chatty() -> ApiResult {
    tracing::info!("inside");
    Ok(HttpResponse::NoContent().finish())
}

async fn invalid() -> ApiResult {
    Err(ApiError::UseCase(Error::field("name", "is required")))
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

/// A server whose requests time out at once.
fn impatient() -> Mocks {
    let mut mocks = Mocks::default();
    mocks.settings.request_timeout = Duration::ZERO;
    mocks
}
