//! Compression of responses.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
            HeaderValue, VARY,
        },
    },
    web,
};
use bytes::Bytes;

use crate::encoding::{Accepted, Coding, Effort};

/// Shorter bodies fit into one packet anyway.
const MIN_LENGTH: u64 = 1_024;

/// Longer bodies are compressed in the blocking pool: the other connections of the worker would wait too long.
const MAX_INLINE_LENGTH: usize = 64 << 10;

const VARY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// Marks a response whose body is always the same for this name: it is compressed once.
pub(crate) struct Unchanging(pub(crate) String);

/// Compresses a response in the coding that its client prefers, if that makes it shorter.
///
/// A response that is not to be stored stays as it is: it contains tokens, and the length of what was compressed together
/// with them would reveal them (BREACH).
pub(super) async fn apply(mut answer: ServiceResponse) -> ServiceResponse {
    if answer.status() == StatusCode::NOT_MODIFIED {
        // As in the 200 (RFC 9110 15.4.5).
        answer.headers_mut().append(VARY, VARY_ENCODING);
        return answer;
    }
    let BodySize::Sized(length) = answer.response().body().size() else { return answer };
    let accepted = answer.request().headers().get(ACCEPT_ENCODING);
    let is_small = length < MIN_LENGTH;
    // A header without a weight does not exclude a plain response.
    let stays_plain = is_small && !accepted.is_some_and(|value| value.as_bytes().contains(&b';'));
    // A 304 of a response with a tag has the same headers, whatever its length is.
    if length == 0 || (stays_plain && !answer.headers().contains_key(ETAG)) {
        return answer;
    }
    if !may_be_encoded(answer.status(), answer.headers()) {
        return answer;
    }
    answer.headers_mut().append(VARY, VARY_ENCODING);
    if stays_plain {
        return answer;
    }
    let accepted = Accepted::of(answer.request().headers());
    let best = accepted.best().filter(|_| !is_small || !accepted.allows(None));
    let Some(coding) = best else { return answer };
    let (req, response) = answer.into_parts();
    ServiceResponse::new(req, encoded(response, coding).await)
}

fn may_be_encoded(status: StatusCode, headers: &HeaderMap) -> bool {
    let says = |name, word: &str| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| value.split(',').any(|part| part.trim() == word))
    };
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_compressible = kind.starts_with("text/")
        || kind.ends_with("json")
        || kind.ends_with("xml")
        || matches!(kind, "application/javascript" | "application/graphql-response");
    is_compressible
        && status != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(CONTENT_RANGE)
        && !headers.contains_key(CONTENT_ENCODING)
        && !says(CACHE_CONTROL, "no-store")
        && !says(CACHE_CONTROL, "no-transform")
}

async fn encoded(response: HttpResponse, coding: Coding) -> HttpResponse {
    let (mut response, body) = response.into_parts();
    // A stream goes as it is.
    let plain = match body.try_into_bytes() {
        Ok(plain) => plain,
        Err(stream) => return response.set_body(stream),
    };
    let unchanging = response.extensions_mut().remove::<Unchanging>();
    let Some(encoded) = encode(plain.clone(), coding, unchanging).await else {
        return response.set_body(BoxBody::new(plain));
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).and_then(|tag| coding.tag(tag));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(ETAG, tag);
    }
    response.set_body(BoxBody::new(encoded))
}

/// Compresses a body; `None` if that fails, which it does not in memory.
async fn encode(plain: Bytes, coding: Coding, unchanging: Option<Unchanging>) -> Option<Bytes> {
    match unchanging {
        Some(Unchanging(name)) => {
            let slot = encoded_slot(name, coding);
            if let Some(encoded) = slot.get() {
                return encoded.clone();
            }
            // Concurrent requests wait for the first.
            let work = move || slot.get_or_init(|| bytes(&plain, coding, Effort::Thorough)).clone();
            web::block(work).await.ok().flatten()
        }
        None if plain.len() > MAX_INLINE_LENGTH => {
            web::block(move || bytes(&plain, coding, Effort::Quick)).await.ok().flatten()
        }
        None => bytes(&plain, coding, Effort::Quick),
    }
}

fn bytes(plain: &[u8], coding: Coding, effort: Effort) -> Option<Bytes> {
    coding.encode(plain, effort).ok().map(Bytes::from)
}

/// A compressed body, once there is one.
type EncodedSlot = Arc<OnceLock<Option<Bytes>>>;

/// The slot of an unchanging body. There is one for each file in the binary and each coding.
fn encoded_slot(name: String, coding: Coding) -> EncodedSlot {
    static SLOTS: LazyLock<Mutex<HashMap<(String, Coding), EncodedSlot>>> = LazyLock::new(Mutex::default);
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner).entry((name, coding)).or_default().clone()
}
