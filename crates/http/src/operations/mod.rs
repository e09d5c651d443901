//! What operators and readers of the API ask; outside `/api/v1`, and never counted against a limit.

mod docs;
mod document;
mod exposition;
mod health;
mod keys;
mod metrics;
#[cfg(test)]
mod tests;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

use crate::edge::Methods;

/// Registers all of it.
pub(crate) fn routes(cfg: &mut ServiceConfig) {
    Methods::at("/health/live").get(health::live).mount_at_root(cfg);
    Methods::at("/health/ready").get(health::ready).mount_at_root(cfg);
    Methods::at("/metrics").get(metrics::metrics).mount_at_root(cfg);
    Methods::at("/.well-known/jwks.json").get(keys::keys).mount_at_root(cfg);
    Methods::at("/openapi.json").get(document::document).mount_at_root(cfg);
    Methods::at("/docs").get(docs::front).mount_at_root(cfg);
    Methods::at("/docs/{file:.*}").get(docs::file).mount_at_root(cfg);
}

/// What the document says of it.
#[derive(OpenApi)]
#[openapi(paths(health::live, health::ready, metrics::metrics, keys::keys, document::document))]
pub(crate) struct Docs;
