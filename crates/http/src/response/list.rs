//! Answers about many things.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue, LINK},
};
use entrepot_domain::{Listing, SortField, Window};
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

/// Where in a list this part stands: numbered, if it was asked for by `page`, or before a cursor.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Pagination {
    /// A numbered page.
    Page(Numbered),
    /// A part before a cursor.
    Cursor(Before),
}

/// A numbered page, and how many there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Numbered {
    /// Which page, from 1 on.
    #[schema(example = 1)]
    page: u32,
    /// Its size.
    #[schema(example = 20)]
    limit: u8,
    /// How many things there are in all.
    #[schema(example = 135)]
    total: u64,
    /// How many pages they fill.
    #[schema(example = 7)]
    pages: u64,
}

/// What to ask for the next part with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Before {
    /// The size of a part.
    #[schema(example = 20)]
    limit: u8,
    /// The next part's `cursor`; null on the last one.
    #[schema(required = true, example = "Zm9yZ2VkIGN1cnNvcnMgZG8gbm90IG9wZW4")]
    next_cursor: Option<String>,
}

/// A part of a list, viewed as `data`, with its pagination, and links to the parts around it (RFC 8288). `shared` lists may be kept by
/// anybody who asks whether they are still so.
pub(crate) fn listed<F: SortField, T: Serialize>(
    req: &HttpRequest,
    asked: &ListRequest<F>,
    listing: &Listing<F::Item>,
    data: Vec<T>,
    shared: bool,
) -> ApiResult {
    let (pagination, links) = match &asked.window {
        Window::Page { page, limit } => numbered(req, page.get(), limit.get(), listing.total.unwrap_or_default()),
        Window::After { limit, .. } => {
            let last = listing.items.last().filter(|_| listing.more);
            let next_cursor = last.map(|last| asked.seal.close(&asked.sort.place_of(last))).transpose()?;
            let link = next_cursor.as_ref().map(|cursor| link(req, "cursor", cursor, "next"));
            (Pagination::Cursor(Before { limit: limit.get(), next_cursor }), link.into_iter().collect())
        }
    };
    let caching = if shared { "no-cache" } else { "private, no-cache" };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static(caching)));
    if !links.is_empty() {
        answer.insert_header((LINK, links.join(", ")));
    }
    write(answer, &Listed { status: "success", data, pagination })
}

fn numbered(req: &HttpRequest, page: u32, limit: u8, total: u64) -> (Pagination, Vec<String>) {
    let pages = total.div_ceil(u64::from(limit));
    let here = u64::from(page);
    let to = |page: u64, rel| link(req, "page", &page.to_string(), rel);
    let mut links = Vec::new();
    if here < pages {
        links.push(to(here + 1, "next"));
    }
    if here > 1 {
        links.push(to((here - 1).min(pages.max(1)), "prev"));
    }
    links.push(to(1, "first"));
    links.push(to(pages.max(1), "last"));
    (Pagination::Page(Numbered { page, limit, total, pages }), links)
}

/// The same list with one parameter changed.
fn link(req: &HttpRequest, parameter: &str, value: &str, rel: &str) -> String {
    let others = form_urlencoded::parse(req.query_string().as_bytes()).filter(|(name, _)| name != parameter);
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(parameter, value).finish();
    format!("<{}?{query}>; rel=\"{rel}\"", req.path())
}
