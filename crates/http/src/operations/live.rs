//! The page at `/live`, served from the binary: what happens in the shop, as it happens.
//!
//! The page is the same for everybody. What it shows comes from the routes of the API, after a login on the page.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
};

use crate::{
    edge::{Parameter, Unchanging},
    error::{ApiError, ApiResult},
};

/// The files of the page, by name. The charts are drawn by uPlot, whose licence stands beside it.
const FILES: [(&str, &str, &str); 6] = [
    ("index.html", "text/html; charset=utf-8", include_str!("live/index.html")),
    ("live.css", "text/css; charset=utf-8", include_str!("live/live.css")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("live/live.js")),
    ("uplot.css", "text/css; charset=utf-8", include_str!("live/uplot.css")),
    ("uplot.js", "text/javascript; charset=utf-8", include_str!("live/uplot.js")),
    ("uplot.LICENSE", "text/plain; charset=utf-8", include_str!("live/uplot.LICENSE")),
];

/// The page at `/live`.
pub(super) async fn page() -> ApiResult {
    find("index.html")
}

/// The files of the page.
pub(super) async fn file(Parameter(name): Parameter) -> ApiResult {
    find(&name)
}

fn find(name: &str) -> ApiResult {
    let (name, content_type, text) = FILES.iter().find(|(known, ..)| *known == name).ok_or(ApiError::UnknownPath)?;
    let mut response = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, *content_type))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(*text);
    response.extensions_mut().insert(Unchanging(format!("live/{name}")));
    Ok(response)
}
