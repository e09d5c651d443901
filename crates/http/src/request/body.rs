//! Bodies.

use std::{collections::BTreeMap, future::ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    web,
};
use bytes::{Bytes, BytesMut};
use entrepot_application::{Error, FieldError};
use futures_util::{StreamExt, future::LocalBoxFuture};
use garde::Validate;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde::de::value::{Error as ValueError, MapDeserializer};

use super::{
    Request,
    field::{FromJson, Mistakes, Parsed, Whole},
    json,
};
use crate::{
    HttpState,
    encoding::{GunzipError, gunzip},
    error::{ApiError, ApiResult},
};

/// A body as it came. The handler reads it after it has checked who sent it, so that a client without a token is told
/// to log in rather than what is wrong with its fields.
pub(crate) struct RequestBody {
    kind: Kind,
    bytes: ApiResult<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Other,
}

/// A request without fields.
#[derive(Deserialize, Validate)]
struct NoFields {}

impl Request for NoFields {}

/// The most bytes that are allocated because `Content-Length` announces them.
const MAX_PREALLOCATED: usize = 64 << 10;

impl FromRequest for RequestBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        match req.app_data::<web::Data<HttpState>>() {
            Some(state) => Self::within(state.settings.body_limit, req, payload),
            None => Box::pin(ready(Err(ApiError::Internal))),
        }
    }
}

impl RequestBody {
    /// The body of a request, if it has so many bytes at most.
    pub(crate) fn within(
        limit: usize,
        req: &HttpRequest,
        payload: &mut Payload,
    ) -> LocalBoxFuture<'static, ApiResult<Self>> {
        let (kind, encoding) = (kind(req), Encoding::of(req));
        let length = req.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let payload = payload.take();
        Box::pin(async move {
            let bytes = match encoding {
                Some(Encoding::None) => collect(payload, length, limit).await,
                Some(Encoding::Gzip) => unpacked(collect(payload, length, limit).await, limit).await,
                None => Err(ApiError::UnsupportedEncoding),
            };
            Ok(Self { kind, bytes })
        })
    }
}

/// What a body was encoded with, among what is read.
#[derive(Clone, Copy)]
enum Encoding {
    None,
    Gzip,
}

impl Encoding {
    fn of(req: &HttpRequest) -> Option<Self> {
        let mut sent = req.headers().get_all(CONTENT_ENCODING);
        match (sent.next(), sent.next()) {
            (None, _) => Some(Self::None),
            (Some(encoding), None) => match encoding.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => Some(Self::None),
                "gzip" | "x-gzip" => Some(Self::Gzip),
                _ => None,
            },
            // One around the other.
            (Some(_), Some(_)) => None,
        }
    }
}

fn kind(req: &HttpRequest) -> Kind {
    let media = req.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (media, parameters) = media.split_once(';').unwrap_or((media, ""));
    if !is_utf8(parameters) {
        return Kind::Other;
    }
    match media.trim().to_ascii_lowercase().as_str() {
        "application/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        _ => Kind::Other,
    }
}

/// No charset, or UTF-8, also under its usual misspelling.
fn is_utf8(parameters: &str) -> bool {
    parameters.split(';').all(|parameter| match parameter.trim().to_ascii_lowercase().strip_prefix("charset=") {
        Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
        None => true,
    })
}

async fn collect(mut payload: Payload, length: Option<usize>, limit: usize) -> ApiResult<Bytes> {
    if length.is_some_and(|length| length > limit) {
        return Err(ApiError::PayloadTooLarge(limit));
    }
    let mut bytes = BytesMut::with_capacity(length.unwrap_or_default().min(MAX_PREALLOCATED));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| ApiError::MalformedJson(format!("it did not arrive whole ({error})")))?;
        if bytes.len() + chunk.len() > limit {
            return Err(ApiError::PayloadTooLarge(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// A body without its gzip. Elsewhere than on the worker, whose other clients would wait.
async fn unpacked(encoded: ApiResult<Bytes>, limit: usize) -> ApiResult<Bytes> {
    let encoded = encoded?;
    match web::block(move || gunzip(&encoded, limit)).await.map_err(|_| ApiError::Internal)? {
        Ok(bytes) => Ok(bytes.into()),
        Err(GunzipError::TooLong) => Err(ApiError::PayloadTooLarge(limit)),
        Err(GunzipError::Broken(error)) => Err(ApiError::MalformedJson(format!("it is no gzip ({error})"))),
    }
}

impl RequestBody {
    /// Refuses any field, for routes that take none: a client must not believe that a field had an effect. No body and
    /// an empty object are the same.
    pub(crate) fn expect_empty(self) -> ApiResult<()> {
        match &self.bytes {
            Ok(bytes) if bytes.is_empty() => Ok(()),
            _ => self.read::<NoFields>().map(drop),
        }
    }

    /// The bytes of a body of JSON, which are not parsed.
    pub(crate) fn json(self) -> ApiResult<Bytes> {
        match self.kind {
            Kind::Json => self.bytes,
            Kind::Form | Kind::Other => Err(ApiError::UnsupportedMediaType("application/json")),
        }
    }

    /// Reads the request; every bad field is in the error.
    pub(crate) fn read<T: Request>(self) -> ApiResult<T> {
        let parsed = match self.kind {
            Kind::Json => object(&self.bytes?)?,
            Kind::Form if T::FORM => form(&self.bytes?)?,
            Kind::Form | Kind::Other if T::FORM => {
                return Err(ApiError::UnsupportedMediaType("application/json or application/x-www-form-urlencoded"));
            }
            Kind::Form | Kind::Other => return Err(ApiError::UnsupportedMediaType("application/json")),
        };
        Ok(parsed?)
    }
}

/// Reads a request that did not come as the body of one; every bad field is in the error.
pub(crate) fn read_json<T: Request>(bytes: &[u8]) -> ApiResult<T> {
    Ok(object(bytes)??)
}

fn object<T: Request>(bytes: &[u8]) -> ApiResult<Parsed<T>> {
    // Some clients send a byte order mark; RFC 8259 8.1 lets a parser ignore it.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bytes.is_empty() {
        return Err(ApiError::MalformedJson("it is empty".into()));
    }
    let Whole(parsed) = json::read(bytes).map_err(|error| ApiError::MalformedJson(error.to_string()))?;
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(parsed);
    }
    Ok(Err(Mistakes::at("body".into(), "must be an object")))
}

/// A form is an object of texts; a field that comes twice is an error.
fn form<T: Request>(bytes: &[u8]) -> ApiResult<Parsed<T>> {
    let (mut values, mut errors) = (BTreeMap::new(), Vec::new());
    for pair in bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut parts = pair.splitn(2, |byte| *byte == b'=').map(decoded);
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (name, value) = match (String::from_utf8(name), String::from_utf8(value)) {
            (Ok(name), Ok(value)) => (name, value),
            (name, _) => {
                let name = name.unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
                errors.push(FieldError::new(name, "must be UTF-8"));
                continue;
            }
        };
        if values.insert(name.clone(), value).is_some() {
            return Err(Error::field(name, "must come once").into());
        }
    }
    if !errors.is_empty() {
        return Err(Error::Validation(errors).into());
    }
    let entries = MapDeserializer::<_, ValueError>::new(values.into_iter());
    T::from_object(entries).map_err(|error| ApiError::MalformedJson(error.to_string()))
}

/// A name or a value of a form. Not by `form_urlencoded`, which replaces what is no UTF-8: different passwords would be
/// the same.
fn decoded(encoded: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use entrepot_domain::auth::PlainPassword;

    use super::{super::Field, *};

    #[derive(Debug, Deserialize, Validate)]
    struct Words {
        #[garde(dive)]
        a: Field<PlainPassword>,
        #[garde(dive)]
        b: Field<Option<String>>,
    }

    impl Request for Words {}

    fn errors(read: ApiResult<Parsed<Words>>) -> Vec<String> {
        match read.and_then(|parsed| Ok(parsed?)) {
            Ok(words) => vec![words.b.value().unwrap().unwrap_or_default()],
            Err(ApiError::UseCase(Error::Validation(errors))) => {
                errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect()
            }
            Err(other) => vec![other.to_string()],
        }
    }

    #[test]
    fn form_is_decoded() {
        assert_eq!(errors(form(b"a=pass+word%25%2B&b=%C3%A9+x=y&")), ["\u{e9} x=y"]);
        assert_eq!(errors(form(b"b&&a=12345678")), [""]);
        assert_eq!(errors(form(b"a=12345678&a=12345678")), ["a must come once"]);
        assert_eq!(errors(form(b"b=&c=")), ["a is required", "c is not a known field"]);
    }

    #[test]
    fn form_must_be_utf_8() {
        assert_eq!(errors(form(b"a=%FF%FF%FF%FF%FF%FF%FF%FF")), ["a must be UTF-8"]);
        assert_eq!(errors(form(b"a=\xff&b=%C3")), ["a must be UTF-8", "b must be UTF-8"]);
        assert_eq!(errors(form(b"%FE=x")), ["\u{fffd} must be UTF-8"]);
    }

    #[test]
    fn byte_order_mark_is_ignored() {
        assert_eq!(errors(object("\u{feff}{\"a\":\"12345678\",\"b\":\"x\"}".as_bytes())), ["x"]);
        assert!(errors(object("\u{feff}\u{feff}{}".as_bytes())).concat().starts_with("the body is not JSON"));
        assert_eq!(errors(object("\u{feff}[]".as_bytes())), ["body must be an object"]);
        assert_eq!(errors(object("\u{feff}".as_bytes())), ["the body is not JSON: it is empty"]);
    }

    #[test]
    fn utf_8_has_two_spellings() {
        for good in ["", "charset=utf-8", " Charset=UTF-8", "charset=\"utf-8\"", "charset=utf8", "charset=UTF8; x=y"] {
            assert!(is_utf8(good), "{good}");
        }
        for bad in ["charset=latin1", "charset=utf-16", "charset=utf-88", "charset="] {
            assert!(!is_utf8(bad), "{bad}");
        }
    }
}
