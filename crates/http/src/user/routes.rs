//! The routes of accounts.

use actix_web::{HttpRequest, web::Data};
use entrepot_application::{Error, user::UserUpdate};
use entrepot_domain::{
    Direction, Sort, UserId,
    user::{UserQuery, UserSort},
};

use super::{
    requests::{RegisterRequest, RolesRequest, UpdateUserRequest, UserListQuery},
    view::UserView,
};
use crate::{
    API, HttpState,
    edge::{Authenticated, Caller, Granted, outlive},
    error::ApiResult,
    request::{ListRequest, PartQuery, PathId, Preconditions, RequestBody},
    response::{Listed, Success, changed, created, listed, no_content, tagged},
};

/// Sign up
///
/// Makes a customer. JSON or a form.
#[utoipa::path(
    post, path = "/api/v1/users", operation_id = "register", tag = "users",
    request_body(content(
        (RegisterRequest = "application/json"),
        (RegisterRequest = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 201, description = "The account", body = Success<UserView>, headers(
            ("Location" = String, description = "Where the user is"),
            ("ETag" = String, description = "The version"),
        )),
        (status = 409, description = "`email_taken`"),
    ),
)]
pub(super) async fn register(state: Data<HttpState>, Caller { origin, .. }: Caller, body: RequestBody) -> ApiResult {
    let registration = body.read::<RegisterRequest>()?.try_into()?;
    let user = outlive(async move { state.app.users.register(registration, &origin).await }).await??;
    created(&format!("{API}/users/{}", user.id), user.version, UserView::from(&user))
}

/// List users
///
/// For admins; by `page`, or by `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "listUsers", tag = "users",
    params(
        UserListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = Listed<UserView>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
        (status = 403, description = "`forbidden`"),
    ),
    security(("bearer" = []), ("apiKey" = ["users:read"])),
)]
pub(super) async fn list(req: HttpRequest, state: Data<HttpState>, Granted(actor): Granted) -> ApiResult {
    if !actor.is_admin() {
        return Err(Error::Forbidden.into());
    }
    let default = Sort::by(UserSort::CreatedAt, Direction::Descending);
    let keys = &state.settings.cursor_keys;
    let (filter, asked) = ListRequest::read::<UserListQuery>(req.query_string(), "users", default, keys)?;
    let query = UserQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.users.list(&actor, &query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(UserView::from).collect(), false)
}

/// Who am I
#[utoipa::path(
    get, path = "/api/v1/users/me", operation_id = "me", tag = "users",
    responses(
        (status = 200, description = "You", body = Success<UserView>, headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "You have this version"),
    ),
    security(("bearer" = []), ("apiKey" = ["users:read"])),
)]
pub(super) async fn me(state: Data<HttpState>, Granted(actor): Granted, conditions: Preconditions) -> ApiResult {
    let user = state.app.users.get(&actor, actor.user).await?;
    tagged(&conditions, user.version, false, UserView::from(&user))
}

/// Look a user up
///
/// For the user and for admins.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", operation_id = "getUser", tag = "users",
    params(("id" = Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The user", body = Success<UserView>, headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "You have this version"),
        (status = 404, description = "`not_found`: no such user, or not yours to see"),
    ),
    security(("bearer" = []), ("apiKey" = ["users:read"])),
)]
pub(super) async fn get(
    state: Data<HttpState>,
    Granted(actor): Granted,
    PathId(id): PathId<UserId>,
    conditions: Preconditions,
) -> ApiResult {
    let user = state.app.users.get(&actor, id).await?;
    tagged(&conditions, user.version, false, UserView::from(&user))
}

/// Change an account
///
/// For the user and for admins. Users need their `currentPassword` to change their own address or password: missing or
/// wrong it is a bad field, and counts as a failed login. A new password ends the other sessions.
#[utoipa::path(
    patch, path = "/api/v1/users/{id}", operation_id = "updateUser", tag = "users",
    params(
        ("id" = Uuid, Path, description = "The user"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    request_body = UpdateUserRequest,
    responses(
        (status = 200, description = "The user as it is now", body = Success<UserView>, headers(("ETag" = String, description = "The new version"))),
        (status = 404, description = "`not_found`: no such user, or not yours to change"),
        (status = 409, description = "`email_taken`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn update(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<UserId>,
    conditions: Preconditions,
    body: RequestBody,
) -> ApiResult {
    let update: UserUpdate = body.read::<UpdateUserRequest>()?.try_into()?;
    let expected = conditions.expected(async { Ok(state.app.users.get(&actor, id).await?.version) }).await?;
    let update = async move {
        let has_new_password = update.password.is_some();
        let user = state.app.users.update(&actor, id, update, expected, &origin).await?;
        if has_new_password {
            // Those of other sessions end with these; this one's session goes on.
            state.app.events.end_feeds_of(id);
        }
        Ok::<_, Error>(user)
    };
    let user = outlive(update).await??;
    changed(user.version, UserView::from(&user))
}

/// Give a user other roles
///
/// For admins. It works at once, on tokens that are out already too. The last admin stays one.
#[utoipa::path(
    put, path = "/api/v1/users/{id}/roles", operation_id = "setRoles", tag = "users",
    params(
        ("id" = Uuid, Path, description = "The user"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    request_body = RolesRequest,
    responses(
        (status = 200, description = "The user as it is now", body = Success<UserView>, headers(("ETag" = String, description = "The new version"))),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`last_admin`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn set_roles(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    PathId(id): PathId<UserId>,
    Caller { origin, .. }: Caller,
    conditions: Preconditions,
    body: RequestBody,
) -> ApiResult {
    if !actor.is_admin() {
        return Err(Error::Forbidden.into());
    }
    let roles = body.read::<RolesRequest>()?.roles.value()?;
    let expected = conditions.expected(async { Ok(state.app.users.get(&actor, id).await?.version) }).await?;
    let user = outlive(async move { state.app.users.set_roles(&actor, id, roles, expected, &origin).await }).await??;
    changed(user.version, UserView::from(&user))
}

/// Delete an account
///
/// For the user and for admins. Name and address are erased and the sessions end; the orders stay. The last admin stays.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}", operation_id = "deleteUser", tag = "users",
    params(
        ("id" = Uuid, Path, description = "The user"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    responses(
        (status = 204, description = "The user is gone"),
        (status = 404, description = "`not_found`: no such user, or not yours to delete"),
        (status = 409, description = "`last_admin`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn delete(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    PathId(id): PathId<UserId>,
    Caller { origin, .. }: Caller,
    conditions: Preconditions,
) -> ApiResult {
    let expected = conditions.expected(async { Ok(state.app.users.get(&actor, id).await?.version) }).await?;
    outlive(async move { state.app.users.delete(&actor, id, expected, &origin).await }).await??;
    Ok(no_content())
}
