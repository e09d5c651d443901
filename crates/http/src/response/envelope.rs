//! Answers about one thing.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{CACHE_CONTROL, ETAG, HeaderValue, LOCATION},
};
use entrepot_domain::Version;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult},
    request::IfNoneMatch,
};

/// The envelope of a success.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<T> {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: T,
}

/// About how many bytes an answer has; a good guess saves the buffer from growing.
const CAPACITY: usize = 512;

/// The bytes of a view in its envelope.
pub(super) fn write(mut answer: HttpResponseBuilder, body: &impl Serialize) -> ApiResult {
    let mut bytes = Vec::with_capacity(CAPACITY);
    serde_json::to_writer(&mut bytes, body).map_err(|error| {
        tracing::error!(%error, "a view does not serialise");
        ApiError::Internal
    })?;
    Ok(answer.insert_header(("content-type", JSON)).body(bytes))
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn success(answer: HttpResponseBuilder, data: impl Serialize) -> ApiResult {
    write(answer, &Success { status: "success", data })
}

/// Only the asker may keep it, and must ask whether it is still so.
pub(crate) const fn private() -> (actix_web::http::header::HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))
}

/// A version as a strong entity tag.
fn tag(version: Version) -> (actix_web::http::header::HeaderName, String) {
    (ETAG, format!("\"{}\"", version.0))
}

/// 200, for the asker alone.
pub(crate) fn ok(data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(private());
    success(answer, data)
}

/// 200, not to be kept by anybody: it has tokens in it.
pub(crate) fn secret(data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    success(answer, data)
}

/// 200 with the tag of a version, or 304 without a body if the client has it. `shared` things may be kept by anybody
/// who asks whether they are still so.
pub(crate) fn tagged(known: &IfNoneMatch, version: Version, shared: bool, data: impl Serialize) -> ApiResult {
    let caching = if shared { (CACHE_CONTROL, HeaderValue::from_static("no-cache")) } else { private() };
    if known.has(version) {
        return Ok(HttpResponse::NotModified().insert_header(tag(version)).insert_header(caching).finish());
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header(tag(version)).insert_header(caching);
    success(answer, data)
}

/// 200 after a change, with the tag of the new version.
pub(crate) fn changed(version: Version, data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(tag(version)).insert_header(private());
    success(answer, data)
}

/// 201, with where it is and the tag of its version.
pub(crate) fn created(location: &str, version: Version, data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location)).insert_header(tag(version)).insert_header(private());
    success(answer, data)
}

/// 204.
pub(crate) fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
