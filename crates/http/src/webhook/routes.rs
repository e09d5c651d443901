//! The routes of webhooks.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use entrepot_application::Error;
use entrepot_domain::{
    Direction, Sort, WebhookId,
    api_key::Scope,
    auth::Actor,
    webhook::{WebhookQuery, WebhookSort},
};

use super::{
    requests::{CreateWebhookRequest, UpdateWebhookRequest, WebhookListQuery},
    views::{MadeWebhookView, SecretView, WebhookView},
};
use crate::{
    API, HttpState,
    edge::{Caller, Granted, outlive},
    error::ApiResult,
    request::{ListRequest, PartQuery, PathId, Preconditions, RequestBody},
    response::{Listed, Success, changed, created_secret, listed, no_content, secret, tagged},
};

/// Add a webhook
///
/// For staff. From now on events of these types are sent to the URL, as Standard Webhooks says: at least once each, signed
/// with the `secret`, which is shown this once. A status of 2xx within 15 seconds is a success; redirects are not followed.
#[utoipa::path(
    post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks",
    request_body = CreateWebhookRequest,
    responses(
        (status = 201, description = "The webhook, with its secret", body = Success<MadeWebhookView<'static>>, headers(
            ("Location" = String, description = "Where the webhook is"),
            ("ETag" = String, description = "The version"),
        )),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn create(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    require_staff(&actor)?;
    let request = body.read::<CreateWebhookRequest>()?.try_into()?;
    let made = outlive(async move { state.app.webhooks.create(&actor, request, &origin).await }).await??;
    let location = format!("{API}/webhooks/{}", made.webhook.id);
    created_secret(&location, Some(made.webhook.version), MadeWebhookView::from(&made))
}

/// List webhooks
///
/// For staff, who see all of them; the last made first. By `page`, or by `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    params(
        WebhookListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = Listed<WebhookView<'static>>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn list(req: HttpRequest, state: Data<HttpState>, Granted(actor): Granted) -> ApiResult {
    require_staff(&actor)?;
    let default = Sort::by(WebhookSort::CreatedAt, Direction::Descending);
    let keys = &state.settings.cursor_keys;
    let ((), asked) = ListRequest::read::<WebhookListQuery>(req.query_string(), "webhooks", default, keys)?;
    let query = WebhookQuery { sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.webhooks.list(&actor, &query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(WebhookView::from).collect(), false)
}

/// Get a webhook
///
/// For staff. Its secret is not shown again.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", operation_id = "getWebhook", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        ("If-None-Match" = Option<String>, Header, description = "The version that you have"),
    ),
    responses(
        (status = 200, description = "The webhook", body = Success<WebhookView<'static>>, headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "You have this version"),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn get(
    state: Data<HttpState>,
    Granted(actor): Granted,
    PathId(id): PathId<WebhookId>,
    conditions: Preconditions,
) -> ApiResult {
    let webhook = state.app.webhooks.get(&actor, id).await?;
    tagged(&conditions, webhook.version, false, WebhookView::from(&webhook))
}

/// Change a webhook
///
/// For staff.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{id}", operation_id = "updateWebhook", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    request_body = UpdateWebhookRequest,
    responses(
        (status = 200, description = "The webhook as it is now", body = Success<WebhookView<'static>>, headers(("ETag" = String, description = "The new version"))),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn update(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<WebhookId>,
    conditions: Preconditions,
    body: RequestBody,
) -> ApiResult {
    require_staff(&actor)?;
    let change = body.read::<UpdateWebhookRequest>()?.try_into()?;
    let expected = conditions.expected(async { Ok(state.app.webhooks.get(&actor, id).await?.version) }).await?;
    let webhook =
        outlive(async move { state.app.webhooks.update(&actor, id, &change, expected, &origin).await }).await??;
    changed(webhook.version, WebhookView::from(&webhook))
}

/// Delete a webhook
///
/// For staff. Its deliveries go with it.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", operation_id = "deleteWebhook", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        ("If-Match" = Option<String>, Header, description = "The version that is meant"),
    ),
    responses(
        (status = 204, description = "It gets no more events"),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn delete(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<WebhookId>,
    conditions: Preconditions,
) -> ApiResult<HttpResponse> {
    let expected = conditions.expected(async { Ok(state.app.webhooks.get(&actor, id).await?.version) }).await?;
    outlive(async move { state.app.webhooks.delete(&actor, id, expected, &origin).await }).await??;
    Ok(no_content())
}

/// Rotate the secret of a webhook
///
/// For staff. For 24 hours deliveries carry signatures of both secrets, so that the receiver can change over.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/secret", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        ("If-Match" = Option<String>, Header, description = "The version that is meant"),
    ),
    responses(
        (status = 200, description = "The new secret", body = Success<SecretView<'static>>),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn rotate(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<WebhookId>,
    conditions: Preconditions,
    body: RequestBody,
) -> ApiResult {
    body.expect_empty()?;
    let expected = conditions.expected(async { Ok(state.app.webhooks.get(&actor, id).await?.version) }).await?;
    let made = outlive(async move { state.app.webhooks.rotate(&actor, id, expected, &origin).await }).await??;
    secret(SecretView::from(&made))
}

/// The use case decides this again; asked here too, others are told so rather than what is wrong with their request.
fn require_staff(actor: &Actor) -> ApiResult<()> {
    if !actor.has(Scope::WebhooksWrite) {
        return Err(Error::InsufficientScope(Scope::WebhooksWrite).into());
    }
    if actor.is_staff() { Ok(()) } else { Err(Error::Forbidden.into()) }
}
