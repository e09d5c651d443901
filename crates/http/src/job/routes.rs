//! The routes of background jobs.

use actix_web::{HttpRequest, web::Data};
use entrepot_application::Error;
use entrepot_domain::{
    Direction, JobId, Sort,
    job::{JobQuery, JobSort},
};

use super::{
    requests::JobListQuery,
    view::{JobView, SummaryView},
};
use crate::{
    HttpState,
    edge::{Authenticated, outlive},
    error::ApiResult,
    request::{ListRequest, PartQuery, PathId, RequestBody},
    response::{Listed, Success, accepted, listed, ok},
};

/// List background jobs
///
/// For admins; the newest first. Those that wait, run or have ended; ended ones are kept for 7 days. By `page`, or by
/// `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs", operation_id = "listJobs", tag = "admin",
    params(
        JobListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = Listed<JobView<'static>>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
        (status = 403, description = "`forbidden`: for admins"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list(req: HttpRequest, state: Data<HttpState>, Authenticated(actor): Authenticated) -> ApiResult {
    if !actor.is_admin() {
        return Err(Error::Forbidden.into());
    }
    let default = Sort::by(JobSort::CreatedAt, Direction::Descending);
    let keys = &state.settings.cursor_keys;
    let (filter, asked) = ListRequest::read::<JobListQuery>(req.query_string(), "jobs", default, keys)?;
    let query = JobQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.jobs.list(&actor, &query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(JobView::from).collect(), false)
}

/// Count background jobs
///
/// For admins. By kind and status.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs/summary", operation_id = "countJobs", tag = "admin",
    responses(
        (status = 200, description = "The counts", body = Success<SummaryView<'static>>),
        (status = 403, description = "`forbidden`: for admins"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn summary(state: Data<HttpState>, Authenticated(actor): Authenticated) -> ApiResult {
    ok(SummaryView::from(&state.app.jobs.summary(&actor).await?))
}

/// Get a background job
///
/// For admins.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs/{id}", operation_id = "getJob", tag = "admin",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = Success<JobView<'static>>),
        (status = 403, description = "`forbidden`: for admins"),
        (status = 404, description = "`not_found`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    PathId(id): PathId<JobId>,
) -> ApiResult {
    ok(JobView::from(&state.app.jobs.get(&actor, id).await?))
}

/// Retry a background job
///
/// For admins. One that waits, or that has failed for good, is done at once; a dead one gets all its attempts again.
#[utoipa::path(
    post, path = "/api/v1/admin/jobs/{id}/retry", operation_id = "retryJob", tag = "admin",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 202, description = "It is due", body = Success<JobView<'static>>),
        (status = 403, description = "`forbidden`: for admins"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`invalid_transition`: it succeeded, was cancelled, or the same job is queued already"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn retry(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    PathId(id): PathId<JobId>,
    body: RequestBody,
) -> ApiResult {
    body.expect_empty()?;
    let job = outlive(async move { state.app.jobs.retry(&actor, id).await }).await??;
    accepted(JobView::from(&job))
}

/// Cancel a background job
///
/// For admins. One that runs is stopped, and what it has not written yet is not written any more.
#[utoipa::path(
    post, path = "/api/v1/admin/jobs/{id}/cancel", operation_id = "cancelJob", tag = "admin",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 202, description = "It is cancelled", body = Success<JobView<'static>>),
        (status = 403, description = "`forbidden`: for admins"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`invalid_transition`: it is over"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn cancel(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    PathId(id): PathId<JobId>,
    body: RequestBody,
) -> ApiResult {
    body.expect_empty()?;
    let job = outlive(async move { state.app.jobs.cancel(&actor, id).await }).await??;
    accepted(JobView::from(&job))
}
