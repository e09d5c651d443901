//! What Prometheus reads.

use actix_web::{HttpResponse, http::header::CONTENT_TYPE, web};
use entrepot_domain::Fault;

use crate::{HttpState, error::ApiResult};

/// Counters and histograms
///
/// In the text format of Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "operations",
    responses((status = 200, description = "All that is counted.", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(state: web::Data<HttpState>) -> ApiResult {
    let text = state.metrics.text().map_err(Fault::unknown)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")).body(text))
}
