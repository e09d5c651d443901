//! Responses about one resource.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    body::MessageBody,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION},
};
use entrepot_domain::Version;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult},
    request::{Preconditions, Selected},
    response::{Bodies, Decimal, header_value},
};

/// The envelope of a success.
#[derive(Serialize, ToSchema)]
pub(crate) struct Success<T> {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: T,
}

/// About how many bytes a response has, so that the buffer need not grow.
const CAPACITY: usize = 512;

/// Writes a view in its envelope.
pub(super) fn write(answer: HttpResponseBuilder, body: &impl Serialize) -> ApiResult {
    Ok(json(answer, render(body)?))
}

fn json(mut answer: HttpResponseBuilder, body: impl MessageBody + 'static) -> HttpResponse {
    answer.insert_header((CONTENT_TYPE, JSON)).body(body)
}

/// Serialises a view in its envelope.
fn render(body: &impl Serialize) -> ApiResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(CAPACITY);
    serde_json::to_writer(&mut bytes, body).map_err(|error| {
        tracing::error!(%error, "a view does not serialise");
        ApiError::Internal
    })?;
    Ok(bytes)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn success(answer: HttpResponseBuilder, data: impl Serialize) -> ApiResult {
    write(answer, &Success { status: "success", data })
}

/// Only the client may store the response, and must revalidate it.
pub(crate) const fn private() -> (HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))
}

/// A version as a strong entity tag.
fn tag(version: Version) -> (HeaderName, HeaderValue) {
    // Versions count from 1.
    let version = Decimal::of(u64::try_from(version.0).unwrap_or_default());
    (ETAG, header_value(&["\"", version.as_str(), "\""]))
}

/// 200, for the client alone.
pub(crate) fn ok(data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(private());
    success(answer, data)
}

/// 200, not to be stored: it contains tokens.
pub(crate) fn secret(data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    success(answer, data)
}

/// 200 with the tag of a version, 304 if the client has it, or 412. Anybody may store a `shared` resource and must
/// revalidate it.
pub(crate) fn tagged(conditions: &Preconditions, version: Version, shared: bool, data: impl Serialize) -> ApiResult {
    tagged_with(conditions, version, shared, || render(&Success { status: "success", data }))
}

/// The same for the resource with this identifier, whose body may have been rendered before.
pub(crate) fn tagged_of(
    bodies: &Bodies,
    id: Uuid,
    conditions: &Preconditions,
    version: Version,
    shared: bool,
    data: impl Serialize,
) -> ApiResult {
    tagged_with(conditions, version, shared, || bodies.of(id, version, || render(&Success { status: "success", data })))
}

fn tagged_with<B: MessageBody + 'static>(
    conditions: &Preconditions,
    version: Version,
    shared: bool,
    body: impl FnOnce() -> ApiResult<B>,
) -> ApiResult {
    let caching = if shared { (CACHE_CONTROL, HeaderValue::from_static("no-cache")) } else { private() };
    let (name, tag) = tag(version);
    if let Selected::NotModified(known) = conditions.select(version, &tag)? {
        return Ok(HttpResponse::NotModified().insert_header((name, known)).insert_header(caching).finish());
    }
    let body = body()?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((name, tag)).insert_header(caching);
    Ok(json(answer, body))
}

/// 200 after a change, with the tag of the new version.
pub(crate) fn changed(version: Version, data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(tag(version)).insert_header(private());
    success(answer, data)
}

/// 201, with location and tag.
pub(crate) fn created(location: &str, version: Version, data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location)).insert_header(tag(version)).insert_header(private());
    success(answer, data)
}

/// 201, not to be stored: it contains a secret. With location, and with the tag of what has versions.
pub(crate) fn created_secret(location: &str, version: Option<Version>, data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, location)).insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    if let Some(version) = version {
        answer.insert_header(tag(version));
    }
    success(answer, data)
}

/// 202: it was taken note of, and is done later.
pub(crate) fn accepted(data: impl Serialize) -> ApiResult {
    let mut answer = HttpResponse::Accepted();
    answer.insert_header(private());
    success(answer, data)
}

/// The envelope of a success that has nothing but words for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Noted {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// Always null.
    #[schema(value_type = Option<Object>)]
    data: (),
    /// What happens next, for a person.
    #[schema(example = "a mail is on its way")]
    message: &'static str,
}

/// 202: it was taken note of, and what happens next is said in words.
pub(crate) fn noted(message: &'static str) -> ApiResult {
    let mut answer = HttpResponse::Accepted();
    answer.insert_header(private());
    write(answer, &Noted { status: "success", data: (), message })
}

/// 204.
pub(crate) fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
