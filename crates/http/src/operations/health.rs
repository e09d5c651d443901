//! Liveness and readiness.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, RETRY_AFTER},
    rt::time::timeout,
    web,
};
use entrepot_domain::{Fault, HealthCheck};
use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    HttpState,
    edge::{Caller, Chain, KeepBody},
    error::{ApiError, ErrorEnvelope},
};

/// How long the check of a dependency may take.
const CHECK_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The response of a live process.
#[derive(Serialize, ToSchema)]
pub(super) struct Live {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: Alive,
}

/// The state of a live process.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// The response of a server that is ready.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: Readiness,
}

/// The response of a server that is not ready.
#[derive(Serialize, ToSchema)]
pub(super) struct NotReady {
    #[serde(flatten)]
    error: ErrorEnvelope,
    data: Readiness,
}

/// The state of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReadinessState)]
enum State {
    /// It serves requests.
    Ready,
    /// A required dependency is down.
    Unavailable,
    /// It is about to stop.
    Stopping,
}

/// Whether changes can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Writes {
    /// They can.
    Ok,
    /// They cannot, because the disk is full for example. Reads may still work.
    Failing,
}

/// The state of the server and of its dependencies.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: State,
    writes: Writes,
    dependencies: Vec<Dependency>,
}

/// The state of a dependency.
#[derive(Serialize, ToSchema)]
struct Dependency {
    /// The name of the dependency.
    #[schema(example = "database")]
    name: &'static str,
    /// Whether the server needs it.
    required: bool,
    /// `up` or `down`.
    #[schema(example = "up")]
    status: &'static str,
}

/// Whether the process is alive
///
/// Checks no dependency: restart the process if this fails.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "getLiveness",
    tag = "operations",
    responses((status = 200, description = "The process is alive.", body = Live)),
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Live { status: "success", data: Alive { status: "ok" } })
}

/// Whether the server is ready
///
/// Checks every dependency: send no requests while this fails.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "getReadiness",
    tag = "operations",
    responses(
        (status = 200, description = "The server is ready. A dependency that is not required may be down, and changes may be failing.",
            body = Ready),
        (status = 503, description = "`unavailable`: a required dependency is down, or the server is about to stop.",
            body = NotReady, example = json!({
                "status": "error", "code": "unavailable", "message": "the service cannot do this now; please try again",
                "requestId": "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55",
                "data": { "status": "unavailable", "writes": "failing",
                    "dependencies": [{ "name": "database", "required": true, "status": "down" }] }
            })),
    ),
)]
pub(super) async fn ready(state: web::Data<HttpState>, caller: Caller) -> HttpResponse {
    let (dependencies, writes): (Vec<_>, Vec<_>) = join_all(state.health.iter().map(check)).await.into_iter().unzip();
    let writes = if writes.contains(&Writes::Failing) { Writes::Failing } else { Writes::Ok };
    let is_unavailable = dependencies.iter().any(|dependency| dependency.required && dependency.status == "down");
    let status = match (state.is_stopping(), is_unavailable) {
        (true, _) => State::Stopping,
        (false, true) => State::Unavailable,
        (false, false) => State::Ready,
    };
    let data = Readiness { status, writes, dependencies };
    if status == State::Ready {
        let ready = Ready { status: "success", data };
        return HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(ready);
    }
    let error = ApiError::Timeout.envelope(&caller.origin.request_id);
    let mut response = HttpResponse::ServiceUnavailable()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((RETRY_AFTER, 1))
        .json(NotReady { error, data });
    response.extensions_mut().insert(KeepBody);
    response
}

async fn check(check: &Arc<dyn HealthCheck>) -> (Dependency, Writes) {
    let is_up = succeeds(&**check, check.check(), "not fit for work").await;
    let writes = if !check.required() || is_up && succeeds(&**check, check.check_writes(), "writes are failing").await {
        Writes::Ok
    } else {
        Writes::Failing
    };
    let status = if is_up { "up" } else { "down" };
    (Dependency { name: check.name(), required: check.required(), status }, writes)
}

/// Whether a check succeeds in time; logs why it does not.
async fn succeeds(check: &dyn HealthCheck, result: impl Future<Output = Result<(), Fault>>, message: &str) -> bool {
    let result = timeout(CHECK_TIMEOUT, result).await;
    let result = result.unwrap_or_else(|late| Err(Fault::unavailable(check.name(), late)));
    if let Err(fault) = &result {
        tracing::warn!(dependency = check.name(), error = %Chain(fault), "{message}");
    }
    result.is_ok()
}
