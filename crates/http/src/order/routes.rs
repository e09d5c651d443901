//! The routes of orders.

use actix_web::{HttpRequest, http::header::HeaderValue, web::Data};
use entrepot_domain::{
    Direction, OrderId, Sort,
    order::{OrderQuery, OrderSort},
};

use super::{
    requests::{OrderListQuery, PlaceOrderRequest},
    views::{EventView, OrderView},
};
use crate::{
    API, HttpState,
    edge::{Granted, outlive},
    error::ApiResult,
    request::{IdempotencyKeyHeader, ListRequest, PartQuery, PathId, Preconditions, RequestBody},
    response::{Listed, Success, created, listed, ok, tagged},
};

/// Place an order
///
/// For any user. All or nothing: the stock is taken, and the order is kept, in one transaction, at the prices of that
/// moment. With an `Idempotency-Key` the same request can be sent again for 24 hours, and is placed once.
#[utoipa::path(
    post, path = "/api/v1/orders", operation_id = "placeOrder", tag = "orders",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "Names this try: 1 to 255 visible ASCII characters, bare or as a quoted string", example = "order-4711")),
    request_body = PlaceOrderRequest,
    responses(
        (status = 201, description = "The order", body = Success<OrderView<'static>>, headers(
            ("Location" = String, description = "Where the order is"),
            ("ETag" = String, description = "The version"),
            ("Idempotent-Replayed" = bool, description = "`true` if an earlier try under this key placed it"),
        )),
        (status = 409, description = "`insufficient_stock`, with every short product and what is left of it; `idempotency_in_progress`"),
        (status = 422, description = "`idempotency_key_reused`"),
    ),
    security(("bearer" = []), ("apiKey" = ["orders:write"])),
)]
pub(super) async fn place(
    state: Data<HttpState>,
    Granted(actor): Granted,
    IdempotencyKeyHeader(key): IdempotencyKeyHeader,
    body: RequestBody,
) -> ApiResult {
    let items = body.read::<PlaceOrderRequest>()?.items.value()?;
    let placed = outlive(async move { state.app.orders.place(&actor, items, key).await }).await??;
    let order = &placed.order;
    let mut answer = created(&format!("{API}/orders/{}", order.id), order.version, OrderView::from(order))?;
    if placed.replayed {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// Tells a replayed answer from a new one.
const REPLAYED: actix_web::http::header::HeaderName =
    actix_web::http::header::HeaderName::from_static("idempotent-replayed");

/// List orders
///
/// Customers see their own, staff see all; the newest first. By `page`, or by `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/orders", operation_id = "listOrders", tag = "orders",
    params(
        OrderListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = Listed<OrderView<'static>>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
        (status = 403, description = "`forbidden`: another user's"),
    ),
    security(("bearer" = []), ("apiKey" = ["orders:read"])),
)]
pub(super) async fn list(req: HttpRequest, state: Data<HttpState>, Granted(actor): Granted) -> ApiResult {
    let default = Sort::by(OrderSort::CreatedAt, Direction::Descending);
    let (whose, keys) = (format!("orders of {}", actor.user), &state.settings.cursor_keys);
    let (filter, asked) = ListRequest::read::<OrderListQuery>(req.query_string(), &whose, default, keys)?;
    let query = OrderQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.orders.list(&actor, query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(OrderView::from).collect(), false)
}

/// Look at an order
///
/// For its buyer and for staff.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}", operation_id = "getOrder", tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The order"),
        ("If-None-Match" = Option<String>, Header, description = "The version that you have"),
    ),
    responses(
        (status = 200, description = "The order", body = Success<OrderView<'static>>, headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "You have this version"),
        (status = 404, description = "`not_found`: no such order, or not yours to see"),
    ),
    security(("bearer" = []), ("apiKey" = ["orders:read"])),
)]
pub(super) async fn get(
    state: Data<HttpState>,
    Granted(actor): Granted,
    PathId(id): PathId<OrderId>,
    conditions: Preconditions,
) -> ApiResult {
    let order = state.app.orders.get(&actor, id).await?;
    tagged(&conditions, order.version, false, OrderView::from(&order))
}

/// What happened to an order
///
/// For its buyer and for staff; the first first.
#[utoipa::path(
    get, path = "/api/v1/orders/{id}/events", operation_id = "listOrderEvents", tag = "orders",
    params(("id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, description = "Its history", body = Success<Vec<EventView>>),
        (status = 404, description = "`not_found`: no such order, or not yours to see"),
    ),
    security(("bearer" = []), ("apiKey" = ["orders:read"])),
)]
pub(super) async fn events(state: Data<HttpState>, Granted(actor): Granted, PathId(id): PathId<OrderId>) -> ApiResult {
    let events = state.app.orders.events(&actor, id).await?;
    ok(events.iter().map(EventView::from).collect::<Vec<_>>())
}
