//! Routes for operators and for readers of the API; outside `/api/v1`, and never counted against a limit.

mod docs;
mod document;
mod exposition;
mod health;
mod keys;
mod live;
mod metrics;
#[cfg(test)]
mod tests;

pub(crate) use document::DocumentSource;
use utoipa::OpenApi;

use crate::edge::{Methods, Routes};

/// Registers those that every process has.
pub(crate) fn probes(to: &mut Routes) {
    Methods::at("/health/live").get(health::live).mount_at_root(to);
    Methods::at("/health/ready").get(health::ready).mount_at_root(to);
    Methods::at("/metrics").get(metrics::metrics).mount_at_root(to);
}

/// Registers those of a server.
pub(crate) fn routes(to: &mut Routes) {
    probes(to);
    Methods::at("/.well-known/jwks.json").get(keys::keys).mount_at_root(to);
    Methods::at("/openapi.json").get(document::document).mount_at_root(to);
    Methods::at("/docs").get(docs::page_without_slash).mount_at_root(to);
    Methods::at("/docs/").get(docs::page).mount_at_root(to);
    Methods::at("/docs/{*file}").get(docs::file).mount_at_root(to);
    Methods::at("/live").get(live::page).mount_at_root(to);
    Methods::at("/live/{*file}").get(live::file).mount_at_root(to);
}

/// Their OpenAPI paths.
#[derive(OpenApi)]
#[openapi(paths(health::live, health::ready, metrics::metrics, keys::keys, document::document))]
pub(crate) struct Docs;
