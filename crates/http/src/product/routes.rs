//! The routes of the catalogue.

use actix_web::{HttpRequest, web::Data};
use entrepot_application::Error;
use entrepot_domain::{
    Direction, ProductId, Sort,
    auth::Actor,
    product::{ProductQuery, ProductSort},
};

use super::{
    requests::{CreateProductRequest, ProductListQuery, StockRequest, UpdateProductRequest},
    view::ProductView,
};
use crate::{
    API, HttpState,
    edge::{Caller, Granted, outlive},
    error::ApiResult,
    request::{ListRequest, PartQuery, PathId, Preconditions, RequestBody},
    response::{Bodies, Listed, Success, changed, created, listed, no_content, tagged_of},
};

/// Look at the catalogue
///
/// For anyone; by `page`, or by `cursor` at the same cost however deep.
#[utoipa::path(
    get, path = "/api/v1/products", operation_id = "listProducts", tag = "products",
    params(
        ProductListQuery,
        PartQuery,
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the last part; empty starts"),
    ),
    responses(
        (status = 200, description = "A part of the catalogue", body = Listed<ProductView<'static>>,
            headers(("Link" = String, description = "RFC 8288: the parts around it"))),
        (status = 400, description = "`validation_failed`, `invalid_cursor`"),
    ),
)]
pub(super) async fn list(req: HttpRequest, state: Data<HttpState>) -> ApiResult {
    let default = Sort::by(ProductSort::CreatedAt, Direction::Descending);
    let keys = &state.settings.cursor_keys;
    let (filter, asked) = ListRequest::read::<ProductListQuery>(req.query_string(), "products", default, keys)?;
    let filter = filter.filter(state.settings.default_currency);
    let query = ProductQuery { filter, sort: asked.sort.clone(), window: asked.window.clone() };
    let listing = state.app.products.list(&query).await?;
    listed(&req, &asked, &listing, listing.items.iter().map(ProductView::from).collect(), true)
}

/// Look at a product
///
/// For anyone. Cached; a change is seen at once all the same.
#[utoipa::path(
    get, path = "/api/v1/products/{id}", operation_id = "getProduct", tag = "products",
    params(
        ("id" = Uuid, Path, description = "The product"),
        ("If-None-Match" = Option<String>, Header, description = "The version that you have"),
    ),
    responses(
        (status = 200, description = "The product", body = Success<ProductView<'static>>, headers(("ETag" = String, description = "The version"))),
        (status = 304, description = "You have this version"),
        (status = 404, description = "`not_found`"),
    ),
)]
pub(super) async fn get(
    state: Data<HttpState>,
    bodies: Data<Bodies>,
    PathId(id): PathId<ProductId>,
    conditions: Preconditions,
) -> ApiResult {
    let product = state.app.products.get(id).await?;
    tagged_of(&bodies, id.0, &conditions, product.version, true, ProductView::from(&product))
}

/// Put a product up for sale
///
/// For staff.
#[utoipa::path(
    post, path = "/api/v1/products", operation_id = "createProduct", tag = "products",
    request_body = CreateProductRequest,
    responses(
        (status = 201, description = "The product", body = Success<ProductView<'static>>, headers(
            ("Location" = String, description = "Where the product is"),
            ("ETag" = String, description = "The version"),
        )),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`sku_taken`"),
    ),
    security(("bearer" = []), ("apiKey" = ["products:write"])),
)]
pub(super) async fn create(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    body: RequestBody,
) -> ApiResult {
    require_staff(&actor)?;
    let request: CreateProductRequest = body.read()?;
    let new = request.product(state.settings.default_currency)?;
    let product = outlive(async move { state.app.products.create(&actor, new, &origin).await }).await??;
    created(&format!("{API}/products/{}", product.id), product.version, ProductView::from(&product))
}

/// Change a product
///
/// For staff. Orders that were placed keep what they know of it.
#[utoipa::path(
    patch, path = "/api/v1/products/{id}", operation_id = "updateProduct", tag = "products",
    params(
        ("id" = Uuid, Path, description = "The product"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    request_body = UpdateProductRequest,
    responses(
        (status = 200, description = "The product as it is now", body = Success<ProductView<'static>>, headers(("ETag" = String, description = "The new version"))),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`sku_taken`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["products:write"])),
)]
pub(super) async fn update(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<ProductId>,
    conditions: Preconditions,
    body: RequestBody,
) -> ApiResult {
    require_staff(&actor)?;
    let request: UpdateProductRequest = body.read()?;
    let change = request.change(state.settings.default_currency)?;
    let expected = conditions.expected(async { Ok(state.app.products.get(id).await?.version) }).await?;
    let product =
        outlive(async move { state.app.products.update(&actor, id, &change, expected, &origin).await }).await??;
    changed(product.version, ProductView::from(&product))
}

/// Take a product out of the catalogue
///
/// For staff. Orders that were placed keep it; its sku is free for another product.
#[utoipa::path(
    delete, path = "/api/v1/products/{id}", operation_id = "archiveProduct", tag = "products",
    params(
        ("id" = Uuid, Path, description = "The product"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    responses(
        (status = 204, description = "It is not for sale any more"),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["products:write"])),
)]
pub(super) async fn archive(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<ProductId>,
    conditions: Preconditions,
) -> ApiResult {
    let expected = conditions.expected(async { Ok(state.app.products.get(id).await?.version) }).await?;
    outlive(async move { state.app.products.archive(&actor, id, expected, &origin).await }).await??;
    Ok(no_content())
}

/// Bring an archived product back
///
/// For staff. It is for sale again, as it was; one that is for sale is left as it is.
#[utoipa::path(
    post, path = "/api/v1/products/{id}/restore", operation_id = "restoreProduct", tag = "products",
    params(
        ("id" = Uuid, Path, description = "The product"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    responses(
        (status = 200, description = "The product as it is now", body = Success<ProductView<'static>>, headers(("ETag" = String, description = "The new version"))),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`sku_taken`: another product that is for sale has the sku"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["products:write"])),
)]
pub(super) async fn restore(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<ProductId>,
    conditions: Preconditions,
) -> ApiResult {
    let expected = conditions.expected(async { Ok(state.app.products.get(id).await?.version) }).await?;
    let product = outlive(async move { state.app.products.restore(&actor, id, expected, &origin).await }).await??;
    changed(product.version, ProductView::from(&product))
}

/// Count stock
///
/// For staff: adds to the stock, or takes from it, and writes down why.
#[utoipa::path(
    post, path = "/api/v1/products/{id}/stock", operation_id = "adjustStock", tag = "products",
    params(
        ("id" = Uuid, Path, description = "The product"),
        ("If-Match" = Option<String>, Header, description = "The version that the change is meant for"),
    ),
    request_body = StockRequest,
    responses(
        (status = 200, description = "The product as it is now", body = Success<ProductView<'static>>, headers(("ETag" = String, description = "The new version"))),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`insufficient_stock`: it would go below zero"),
        (status = 412, description = "`precondition_failed`"),
    ),
    security(("bearer" = []), ("apiKey" = ["stock:write"])),
)]
pub(super) async fn adjust_stock(
    state: Data<HttpState>,
    Granted(actor): Granted,
    Caller { origin, .. }: Caller,
    PathId(id): PathId<ProductId>,
    conditions: Preconditions,
    body: RequestBody,
) -> ApiResult {
    require_staff(&actor)?;
    let request: StockRequest = body.read()?;
    let (delta, reason) = (request.delta.value()?, request.reason.value()?);
    let expected = conditions.expected(async { Ok(state.app.products.get(id).await?.version) }).await?;
    let adjust = async move { state.app.products.adjust_stock(&actor, id, delta, reason, expected, &origin).await };
    let product = outlive(adjust).await??;
    changed(product.version, ProductView::from(&product))
}

/// The use case decides this again; asked here too, a customer is told so rather than what is wrong with their body.
fn require_staff(actor: &Actor) -> ApiResult<()> {
    if actor.is_staff() { Ok(()) } else { Err(Error::Forbidden.into()) }
}
