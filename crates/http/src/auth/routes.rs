//! The routes of logins.

use actix_web::{HttpResponse, web::Data};
use entrepot_application::auth::Login;
use entrepot_domain::SessionId;

use super::{
    requests::{LoginRequest, RefreshRequest},
    views::{SessionView, TicketView, TokenPair},
};
use crate::{
    HttpState,
    edge::{Authenticated, Caller, Holder, outlive},
    error::ApiResult,
    request::{PathId, RequestBody},
    response::{Success, no_content, ok, secret},
};

/// Log in
///
/// Opens a session and gives a pair of tokens. A wrong password and an unknown email are told alike. After five
/// failures from one address for one email it is a 429, until the window is over. An account with a second factor takes a
/// `code` as well, each code once; a wrong one is a failure like a wrong password.
#[utoipa::path(
    post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth",
    request_body(content(
        (LoginRequest = "application/json"),
        (LoginRequest = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "Logged in", body = Success<TokenPair>),
        (status = 401, description = "`invalid_credentials`; `second_factor_required`: the password is right, and a `code` is needed beside it"),
    ),
)]
pub(super) async fn login(state: Data<HttpState>, caller: Caller, body: RequestBody) -> ApiResult {
    let request: LoginRequest = body.read()?;
    let login = Login {
        email: request.email.value()?,
        password: request.password.value()?,
        code: request.code.value()?,
        user_agent: caller.user_agent,
    };
    let pair = outlive(async move { state.app.auth.login(login, &caller.origin).await }).await??;
    secret(TokenPair::from(pair))
}

/// Get a new pair of tokens
///
/// Rotates the refresh token: the old one is good no more. Using a rotated one again ends its session
/// (`refresh_token_reused`), access tokens included: whoever holds its successor may be a thief (RFC 9700).
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "auth",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "A new pair", body = Success<TokenPair>),
        (status = 401, description = "`invalid_token`, `token_expired`, `refresh_token_reused`"),
    ),
)]
pub(super) async fn refresh(state: Data<HttpState>, Caller { origin, .. }: Caller, body: RequestBody) -> ApiResult {
    let refresh_token = body.read::<RefreshRequest>()?.refresh_token.value()?;
    let pair = outlive(async move { state.app.auth.refresh(&refresh_token, &origin).await }).await??;
    secret(TokenPair::from(pair))
}

/// Log out
///
/// Ends the session of a refresh token, and its access tokens with it. Doing it twice is fine.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "auth",
    request_body = RefreshRequest,
    responses(
        (status = 204, description = "The session is over"),
        (status = 401, description = "`invalid_token`: not a refresh token of ours"),
    ),
)]
pub(super) async fn logout(state: Data<HttpState>, Caller { origin, .. }: Caller, body: RequestBody) -> ApiResult {
    let refresh_token = body.read::<RefreshRequest>()?.refresh_token.value()?;
    outlive(async move { state.app.auth.logout(&refresh_token, &origin).await }).await??;
    Ok(no_content())
}

/// Get a ticket for a live feed
///
/// For browsers, which can set no header for a WebSocket or server-sent events: `?ticket=` opens one feed, within 30
/// seconds. It stands for the session or API key that asked for it; a key needs the scope `events:read`.
#[utoipa::path(
    post, path = "/api/v1/auth/ticket", operation_id = "createTicket", tag = "auth",
    responses((status = 200, description = "The ticket, shown once", body = Success<TicketView>)),
    security(("bearer" = []), ("apiKey" = ["events:read"])),
)]
pub(super) async fn ticket(state: Data<HttpState>, holder: Holder, body: RequestBody) -> ApiResult {
    body.expect_empty()?;
    let Holder { actor, credential } = holder;
    let ticket = outlive(async move { state.app.tickets.issue(&actor, credential).await }).await??;
    secret(TicketView::from(&ticket))
}

/// List the devices that are logged in
///
/// Your own live sessions, the last used first.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", operation_id = "listSessions", tag = "auth",
    responses((status = 200, description = "Your sessions", body = Success<Vec<SessionView>>)),
    security(("bearer" = [])),
)]
pub(super) async fn list_sessions(state: Data<HttpState>, Authenticated(actor): Authenticated) -> ApiResult {
    let sessions = state.app.auth.sessions(&actor).await?;
    ok(sessions.iter().map(|session| SessionView::new(session, &actor)).collect::<Vec<_>>())
}

/// Log one device out
///
/// Ends one of your sessions; its access tokens stop at once.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}", operation_id = "endSession", tag = "auth",
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "The session is over"),
        (status = 404, description = "`not_found`: not yours, or over already"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn end_session(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<SessionId>,
) -> ApiResult<HttpResponse> {
    outlive(async move { state.app.auth.end_session(&actor, id, &origin).await }).await??;
    Ok(no_content())
}

/// Log all devices out
///
/// Ends all of your sessions, the one that asks included.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions", operation_id = "endAllSessions", tag = "auth",
    responses((status = 204, description = "All sessions are over")),
    security(("bearer" = [])),
)]
pub(super) async fn end_sessions(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
) -> ApiResult {
    outlive(async move { state.app.auth.end_all_sessions(&actor, &origin).await }).await??;
    Ok(no_content())
}
