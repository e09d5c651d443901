//! Metrics for Prometheus.

use actix_web::{HttpResponse, http::header::CONTENT_TYPE, web};
use entrepot_domain::Fault;

use super::exposition;
use crate::{HttpState, error::ApiResult};

/// Counters, gauges and histograms
///
/// Of this instance, in the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "operations",
    responses((status = 200, description = "All metrics.", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(state: web::Data<HttpState>) -> ApiResult {
    let mut text = state.metrics.text().map_err(Fault::unknown)?;
    exposition::write(&mut text, state.sources.iter().flat_map(|source| source.samples()));
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(text))
}
