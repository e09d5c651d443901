//! The page where developers try documents out, served from the binary. Not in production: it is of no use without
//! introspection.

use actix_web::{
    HttpResponse,
    http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap},
    web::Data,
};

use crate::{
    HttpState,
    edge::{Parameter, Unchanging},
    error::{ApiError, ApiResult},
};

/// The files of the page, by name.
const FILES: [(&str, &str, &str); 3] = [
    ("index.html", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("graphiql.css", "text/css; charset=utf-8", include_str!("page/graphiql.css")),
    ("graphiql.js", "text/javascript; charset=utf-8", include_str!("page/graphiql.js")),
];

/// Whether a browser asks for a page.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// The page.
pub(super) async fn page(state: Data<HttpState>) -> ApiResult {
    find(&state, "index.html")
}

/// The files of the page.
pub(super) async fn file(state: Data<HttpState>, Parameter(name): Parameter) -> ApiResult {
    find(&state, &name)
}

fn find(state: &HttpState, name: &str) -> ApiResult {
    let file = FILES.iter().find(|(known, ..)| *known == name && !state.settings.production);
    let (name, content_type, text) = file.ok_or(ApiError::UnknownPath)?;
    let mut response = HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, *content_type))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(*text);
    response.extensions_mut().insert(Unchanging(format!("graphiql/{name}")));
    Ok(response)
}
