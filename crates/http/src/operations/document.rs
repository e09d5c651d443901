//! The OpenAPI document.

use std::sync::OnceLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH},
    web::Data,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    edge::Unchanging,
    encoding::{Coding, accepts},
};

/// Builds the document, as JSON. It is in the data of the application, because the document describes this route too.
#[derive(Clone, Copy)]
pub(crate) struct DocumentSource(pub(crate) fn() -> String);

/// The document and its tag, built at the first request: a start need not wait for them.
static DOCUMENT: OnceLock<(Bytes, String)> = OnceLock::new();

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = "operations",
    responses(
        (status = 200, description = "The OpenAPI 3.1 document of this API.", body = Object),
        (status = 304, description = "`If-None-Match` has the present tag."),
    ),
)]
pub(super) async fn document(req: HttpRequest, source: Data<DocumentSource>) -> HttpResponse {
    let (document, tag) = DOCUMENT.get_or_init(|| {
        let DocumentSource(build) = **source;
        let document = build();
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(&document)));
        (document.into(), tag)
    });
    let known = known(req.headers(), tag);
    let mut response = if known.is_some() { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, known.as_deref().unwrap_or(tag))).insert_header((CACHE_CONTROL, "no-cache"));
    if known.is_some() {
        return response.finish();
    }
    let mut response = response.insert_header((CONTENT_TYPE, "application/json")).body(document.clone());
    response.extensions_mut().insert(Unchanging("openapi.json".to_owned()));
    response
}

/// The tag of the document that a client has, if it accepts the coding of that tag.
fn known(headers: &HeaderMap, tag: &str) -> Option<String> {
    let sent = headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(',')).map(|known| known.trim().trim_start_matches("W/")).find_map(|known| {
        if known == "*" || known == tag {
            return Some(tag.to_owned());
        }
        let coding = Coding::ALL.into_iter().find(|coding| coding.tag(tag).as_deref() == Some(known))?;
        accepts(headers, Some(coding)).then(|| known.to_owned())
    })
}
