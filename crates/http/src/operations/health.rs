//! Whether the process lives, and whether it can do its work.

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
    edge::{AsItIs, Caller, Chain},
    error::{ApiError, ErrorEnvelope},
};

/// How long a dependency may think about how it is.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Live {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: Alive,
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// That the server can do its work.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: Readiness,
}

/// That the server cannot do its work, and why.
#[derive(Serialize, ToSchema)]
pub(super) struct NotReady {
    #[serde(flatten)]
    error: ErrorEnvelope,
    data: Readiness,
}

/// How the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReadinessState)]
enum State {
    /// It takes requests.
    Ready,
    /// Something that it cannot do without is down.
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

/// How the server and its dependencies are.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: State,
    writes: Writes,
    dependencies: Vec<Dependency>,
}

/// How a dependency is.
#[derive(Serialize, ToSchema)]
struct Dependency {
    /// What an operator calls it.
    #[schema(example = "database")]
    name: &'static str,
    /// Whether the server cannot do its work without it.
    required: bool,
    /// `up` or `down`.
    #[schema(example = "up")]
    status: &'static str,
}

/// Whether the process answers
///
/// Asks nothing else: restart the process if this fails.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "getLiveness",
    tag = "operations",
    responses((status = 200, description = "The process answers.", body = Live)),
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Live { status: "success", data: Alive { status: "ok" } })
}

/// Whether the server can do its work
///
/// Asks every dependency: send no requests while this fails.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "getReadiness",
    tag = "operations",
    responses(
        (status = 200, description = "It can. A dependency that is not required may be down, and changes may be failing.",
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
    let (dependencies, writes): (Vec<_>, Vec<_>) = join_all(state.health.iter().map(ask)).await.into_iter().unzip();
    let writes = if writes.contains(&Writes::Failing) { Writes::Failing } else { Writes::Ok };
    let missing = dependencies.iter().any(|dependency| dependency.required && dependency.status == "down");
    let status = match (state.is_stopping(), missing) {
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
    response.extensions_mut().insert(AsItIs);
    response
}

async fn ask(check: &Arc<dyn HealthCheck>) -> (Dependency, Writes) {
    let is_up = answers(&**check, check.check(), "not fit for work").await;
    let writes = if !check.required() || is_up && answers(&**check, check.check_writes(), "writes are failing").await {
        Writes::Ok
    } else {
        Writes::Failing
    };
    let status = if is_up { "up" } else { "down" };
    (Dependency { name: check.name(), required: check.required(), status }, writes)
}

/// Whether a check succeeds in time; logs why it does not.
async fn answers(check: &dyn HealthCheck, answer: impl Future<Output = Result<(), Fault>>, message: &str) -> bool {
    let answer = timeout(PATIENCE, answer).await;
    let answer = answer.unwrap_or_else(|late| Err(Fault::unavailable(check.name(), late)));
    if let Err(fault) = &answer {
        tracing::warn!(dependency = check.name(), error = %Chain(fault), "{message}");
    }
    answer.is_ok()
}
