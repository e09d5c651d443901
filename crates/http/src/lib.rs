//! The REST API on actix-web, with its OpenAPI document.
//!
//! A folder a resource (`auth/ user/ product/ order/`) with its routes, requests and views; what all share beside them:
//! `request/` turns bytes into domain values and reports every bad field at once, `response/` puts answers into the
//! envelope of the contract, `error/` is the one table that says what each error means to a client, `edge/` is what
//! every request passes through, `encoding/` is compression, and `operations/` is what operators ask.
//!
//! [`app`] is a complete actix-web application: every header of an answer is in it when it leaves the application, so any
//! server can serve it. `entrepot-transport` does in the binary; with actix-web's own server it takes these lines:
//!
//! ```no_run
//! use std::{io, sync::Arc};
//!
//! use actix_web::HttpServer;
//! use entrepot_http::HttpState;
//!
//! async fn serve(state: Arc<HttpState>) -> io::Result<()> {
//!     HttpServer::new(move || entrepot_http::app(&state)).bind(("127.0.0.1", 3000))?.run().await
//! }
//! ```

mod access_log;
mod account;
mod api_key;
mod audit;
mod auth;
mod edge;
mod encoding;
pub mod error;
mod event;
mod graphql;
mod job;
mod metrics;
mod openapi;
mod operations;
mod order;
mod product;
mod request;
mod response;
mod routes;
mod second_factor;
mod state;
#[cfg(test)]
mod testing;
mod user;
mod webhook;
mod websocket;

pub use access_log::{AccessLine, AccessLog, TracingAccessLog};
pub(crate) use edge::API;
pub use edge::unfinished_changes;
pub use event::follow_events;
pub use openapi::{openapi, openapi_json};
pub use routes::{app, probes};
pub use state::{HttpSettings, HttpState};
