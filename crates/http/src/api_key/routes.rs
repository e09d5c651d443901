//! The routes of keys.

use actix_web::{HttpResponse, web::Data};
use entrepot_domain::ApiKeyId;

use super::{
    requests::CreateApiKeyRequest,
    views::{ApiKeyView, MadeKeyView},
};
use crate::{
    API, HttpState,
    edge::{Authenticated, Caller, outlive},
    error::ApiResult,
    request::{PathId, RequestBody},
    response::{Success, created_secret, no_content, ok},
};

/// Make an API key
///
/// A key lets a machine act for you: it sends `Authorization: Bearer ek_…` and needs no login. It may do what its scopes
/// name, as far as your roles allow it at that moment, and never anything with sessions, keys, passwords, roles or the
/// second factor. The `key` is shown this once and is not kept; a lost one is revoked and made anew. A new password does
/// not end it. You can have fifty.
#[utoipa::path(
    post, path = "/api/v1/auth/api-keys", operation_id = "createApiKey", tag = "auth",
    request_body = CreateApiKeyRequest,
    responses(
        (status = 201, description = "The key, with its secret", body = Success<MadeKeyView>, headers(
            ("Location" = String, description = "Where the key can be revoked"),
        )),
        (status = 409, description = "`too_many_api_keys`"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    let request = body.read::<CreateApiKeyRequest>()?.try_into()?;
    let made = outlive(async move { state.app.api_keys.create(&actor, request, &origin).await }).await??;
    created_secret(&format!("{API}/auth/api-keys/{}", made.key.id), None, MadeKeyView::from(&made))
}

/// List your API keys
///
/// Those that are alive, the last made first.
#[utoipa::path(
    get, path = "/api/v1/auth/api-keys", operation_id = "listApiKeys", tag = "auth",
    responses((status = 200, description = "Your keys", body = Success<Vec<ApiKeyView>>)),
    security(("bearer" = [])),
)]
pub(super) async fn list(state: Data<HttpState>, Authenticated(actor): Authenticated) -> ApiResult {
    let keys = state.app.api_keys.list(&actor).await?;
    ok(keys.iter().map(ApiKeyView::from).collect::<Vec<_>>())
}

/// Revoke an API key
///
/// Ends one of your keys for good. It stops at once.
#[utoipa::path(
    delete, path = "/api/v1/auth/api-keys/{id}", operation_id = "revokeApiKey", tag = "auth",
    params(("id" = Uuid, Path, description = "The key")),
    responses(
        (status = 204, description = "The key is good no more"),
        (status = 404, description = "`not_found`: not yours, or ended already"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn revoke(
    state: Data<HttpState>,
    Authenticated(actor): Authenticated,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<ApiKeyId>,
) -> ApiResult<HttpResponse> {
    outlive(async move { state.app.api_keys.revoke(&actor, id, &origin).await }).await??;
    Ok(no_content())
}
