//! The routes of deliveries.

use actix_web::{HttpRequest, web::Data};
use entrepot_domain::{
    DeliveryId, Direction, Sort, WebhookId,
    webhook::{DeliveryFilter, DeliveryQuery, DeliverySort},
};

use super::{delivery_views::DeliveryView, requests::DeliveryListQuery};
use crate::{
    HttpState,
    edge::{Granted, outlive},
    error::ApiResult,
    request::{ListRequest, PartQuery, PathId, PathIds, RequestBody},
    response::{Listed, Success, accepted, listed},
};

/// Test a webhook
///
/// For staff. Sends a `webhook.test` event to this webhook alone, also if it is inactive.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses(
        (status = 202, description = "It is being sent", body = Success<DeliveryView<'static>>),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn test(
    state: Data<HttpState>,
    Granted(actor): Granted,
    PathId(id): PathId<WebhookId>,
    body: RequestBody,
) -> ApiResult {
    body.expect_empty()?;
    let delivery = outlive(async move { state.app.webhooks.test(&actor, id).await }).await??;
    accepted(DeliveryView::from(&delivery))
}

/// List the deliveries of a webhook
///
/// For staff; the last made first. By `page`, or by `cursor` at the same cost however deep. Kept for 30 days. After a
/// failure a delivery is tried again after 5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours, a fifth more or less,
/// or later if the receiver asks for it by `Retry-After`; then it is dead.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        DeliveryListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = Listed<DeliveryView<'static>>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn list(
    req: HttpRequest,
    state: Data<HttpState>,
    Granted(actor): Granted,
    PathId(webhook): PathId<WebhookId>,
) -> ApiResult {
    let default = Sort::by(DeliverySort::CreatedAt, Direction::Descending);
    let (keys, name) = (&state.settings.cursor_keys, format!("deliveries of {webhook}"));
    let (status, asked) = ListRequest::read::<DeliveryListQuery>(req.query_string(), &name, default, keys)?;
    let filter = DeliveryFilter { webhook, status };
    let query = DeliveryQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.webhooks.deliveries(&actor, &query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(DeliveryView::from).collect(), false)
}

/// Retry a delivery of a webhook
///
/// For staff. It is sent at once, whatever has become of it and also if the webhook is inactive. One that was over gets all
/// its attempts again.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/deliveries/{deliveryId}/retry", operation_id = "retryWebhookDelivery",
    tag = "webhooks",
    params(
        ("id" = Uuid, Path, description = "The webhook"),
        ("deliveryId" = Uuid, Path, description = "The delivery"),
    ),
    responses(
        (status = 202, description = "It is being sent", body = Success<DeliveryView<'static>>),
        (status = 403, description = "`forbidden`, `insufficient_scope`"),
        (status = 404, description = "`not_found`"),
    ),
    security(("bearer" = []), ("apiKey" = ["webhooks:write"])),
)]
pub(super) async fn retry(
    state: Data<HttpState>,
    Granted(actor): Granted,
    PathIds(webhook, id): PathIds<WebhookId, DeliveryId>,
    body: RequestBody,
) -> ApiResult {
    body.expect_empty()?;
    let delivery = outlive(async move { state.app.webhooks.retry(&actor, webhook, id).await }).await??;
    accepted(DeliveryView::from(&delivery))
}
