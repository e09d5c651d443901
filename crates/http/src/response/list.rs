//! Responses of lists.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue, LINK},
};
use entrepot_domain::{Limit, Listing, SortField, Window};
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope::write;
use crate::{error::ApiResult, request::ListRequest};

/// The envelope of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: Vec<T>,
    pagination: Pagination,
}

/// The position of a part of a list: numbered if the request has a `page`, else with a cursor.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Pagination {
    /// A numbered page.
    Page(PageInfo),
    /// A part of the list with the cursor of the next.
    Cursor(CursorInfo),
}

/// A numbered page and the number of pages.
#[derive(Serialize, ToSchema)]
#[schema(as = Numbered)]
pub(crate) struct PageInfo {
    /// The number of the page, from 1 on.
    #[schema(example = 1)]
    page: u32,
    /// The size of a page.
    #[schema(example = 20)]
    limit: u8,
    /// How many items the list has. That of all products may lack, for a second, a change that was made past this service.
    #[schema(example = 135)]
    total: u64,
    /// How many pages the list has.
    #[schema(example = 7)]
    pages: u64,
}

/// The cursor of the next part.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Before)]
pub(crate) struct CursorInfo {
    /// The size of a part.
    #[schema(example = 20)]
    limit: u8,
    /// The next part's `cursor`; null on the last one.
    #[schema(required = true, example = "Zm9yZ2VkIGN1cnNvcnMgZG8gbm90IG9wZW4")]
    next_cursor: Option<String>,
}

/// 200 with a part of a list as `data`, its pagination, and links to the parts around it (RFC 8288). Anybody may store a
/// `shared` list and must revalidate it.
pub(crate) fn listed<F: SortField, T: Serialize>(
    req: &HttpRequest,
    request: &ListRequest<F>,
    listing: &Listing<F::Item>,
    data: Vec<T>,
    shared: bool,
) -> ApiResult {
    let (pagination, links) = match &request.window {
        Window::Page { page, limit } | Window::UncountedPage { page, limit } => {
            numbered(req, page.get(), limit.get(), listing.total.unwrap_or_default())
        }
        Window::After { limit, .. } => {
            let last = listing.items.last().filter(|_| listing.more);
            let next_cursor = last.map(|last| request.seal.close(&request.sort.keyset_of(last))).transpose()?;
            let link = next_cursor.as_ref().map(|cursor| link(req, "cursor", cursor, "next"));
            (Pagination::Cursor(CursorInfo { limit: limit.get(), next_cursor }), link.into_iter().collect())
        }
    };
    let caching = if shared { "no-cache" } else { "private, no-cache" };
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static(caching)));
    if !links.is_empty() {
        response.insert_header((LINK, links.join(", ")));
    }
    write(response, &Listed { status: "success", data, pagination })
}

/// 200 with a part of a log as `data`, its `nextCursor`, and a link to the next part, which the `parameter` asks for.
pub(crate) fn listed_after<T: Serialize>(
    req: &HttpRequest,
    parameter: &str,
    limit: Limit,
    next: Option<String>,
    data: Vec<T>,
) -> ApiResult {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("private, no-cache")));
    if let Some(next) = &next {
        response.insert_header((LINK, link(req, parameter, next, "next")));
    }
    let pagination = Pagination::Cursor(CursorInfo { limit: limit.get(), next_cursor: next });
    write(response, &Listed { status: "success", data, pagination })
}

fn numbered(req: &HttpRequest, page: u32, limit: u8, total: u64) -> (Pagination, Vec<String>) {
    let pages = total.div_ceil(u64::from(limit));
    let current = u64::from(page);
    let to = |page: u64, rel| link(req, "page", &page.to_string(), rel);
    let mut links = Vec::new();
    if current < pages {
        links.push(to(current + 1, "next"));
    }
    if current > 1 {
        links.push(to((current - 1).min(pages.max(1)), "prev"));
    }
    links.push(to(1, "first"));
    links.push(to(pages.max(1), "last"));
    (Pagination::Page(PageInfo { page, limit, total, pages }), links)
}

/// A link to the same list with one parameter changed.
fn link(req: &HttpRequest, parameter: &str, value: &str, rel: &str) -> String {
    let others = form_urlencoded::parse(req.query_string().as_bytes()).filter(|(name, _)| name != parameter);
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(parameter, value).finish();
    format!("<{}?{query}>; rel=\"{rel}\"", req.path())
}
