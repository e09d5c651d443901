//! Answers made shorter for who can read them so.

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

/// Bodies below this fit into one packet anyhow.
const WORTH_IT: u64 = 1_024;

/// What takes longer to encode than a worker should keep its other connections waiting.
const LONG: usize = 64 << 10;

const VARY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// Marks an answer whose body is always the same for this name: it is encoded once, and kept.
pub(crate) struct Unchanging(pub(crate) String);

/// The answer in the coding that its client likes best, if it gains by that.
///
/// Never one that is not to be stored. Such an answer has tokens in it, and the length of what was encoded together with
/// them would tell of them (BREACH).
pub(super) async fn apply(mut answer: ServiceResponse) -> ServiceResponse {
    if answer.status() == StatusCode::NOT_MODIFIED {
        // What would have been said with the body (RFC 9110 15.4.5).
        answer.headers_mut().append(VARY, VARY_ENCODING);
        return answer;
    }
    let BodySize::Sized(length) = answer.response().body().size() else { return answer };
    let accepted = answer.request().headers().get(ACCEPT_ENCODING);
    let is_small = length < WORTH_IT;
    // Without a weight there is nothing that excludes a plain answer.
    if length == 0 || (is_small && !accepted.is_some_and(|value| value.as_bytes().contains(&b';'))) {
        return answer;
    }
    if !may_be_encoded(answer.status(), answer.headers()) {
        return answer;
    }
    answer.headers_mut().append(VARY, VARY_ENCODING);
    let accepted = Accepted::of(answer.request().headers());
    let best = accepted.best().filter(|_| !is_small || !accepted.takes(None));
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
    let gains = kind.starts_with("text/")
        || kind.ends_with("json")
        || kind.ends_with("xml")
        || matches!(kind, "application/javascript" | "application/graphql-response");
    gains
        && status != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(CONTENT_RANGE)
        && !headers.contains_key(CONTENT_ENCODING)
        && !says(CACHE_CONTROL, "no-store")
        && !says(CACHE_CONTROL, "no-transform")
}

async fn encoded(response: HttpResponse, coding: Coding) -> HttpResponse {
    let (mut response, body) = response.into_parts();
    // What is no longer than a stream is not whole: it goes as it is.
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

/// The bytes in a coding; `None` if that fails, which it does not in memory.
async fn encode(plain: Bytes, coding: Coding, unchanging: Option<Unchanging>) -> Option<Bytes> {
    match unchanging {
        Some(Unchanging(name)) => {
            let kept = kept(name, coding);
            if let Some(encoded) = kept.get() {
                return encoded.clone();
            }
            // Whoever asks meanwhile waits there for the first.
            let work = move || kept.get_or_init(|| bytes(&plain, coding, Effort::Thorough)).clone();
            web::block(work).await.ok().flatten()
        }
        None if plain.len() > LONG => web::block(move || bytes(&plain, coding, Effort::Quick)).await.ok().flatten(),
        None => bytes(&plain, coding, Effort::Quick),
    }
}

fn bytes(plain: &[u8], coding: Coding, effort: Effort) -> Option<Bytes> {
    coding.encode(plain, effort).ok().map(Bytes::from)
}

/// An encoded body, once it was made.
type Kept = Arc<OnceLock<Option<Bytes>>>;

/// The place of an unchanging body. There are as many as there are files in the binary, and codings.
fn kept(name: String, coding: Coding) -> Kept {
    static KEPT: LazyLock<Mutex<HashMap<(String, Coding), Kept>>> = LazyLock::new(Mutex::default);
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).entry((name, coding)).or_default().clone()
}
