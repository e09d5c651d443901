//! Bodies.

use std::collections::BTreeMap;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    web,
};
use bytes::{Bytes, BytesMut};
use entrepot_application::Error;
use futures_util::{StreamExt, future::LocalBoxFuture};
use garde::Validate;
use serde::Deserialize;
use serde::de::value::{Error as ValueError, MapDeserializer};

use super::{
    Request,
    field::{FromJson, Mistakes, Parsed, Whole},
    json,
};
use crate::{
    HttpState,
    encoding::{Unreadable, gunzip},
    error::{ApiError, ApiResult},
};

/// A body as it came. The handler reads it after it has checked who sent it, so that a client without a token is told to
/// log in rather than what is wrong with its fields.
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
        let (kind, encoding) = (kind(req), Encoding::of(req));
        let length = req.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let state = req.app_data::<web::Data<HttpState>>().cloned();
        let payload = payload.take();
        Box::pin(async move {
            let limit = state.ok_or(ApiError::Internal)?.settings.body_limit;
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

/// No charset, or UTF-8.
fn is_utf8(parameters: &str) -> bool {
    parameters.split(';').all(|parameter| match parameter.trim().to_ascii_lowercase().strip_prefix("charset=") {
        Some(charset) => charset.trim_matches('"') == "utf-8",
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
        Err(Unreadable::TooLong) => Err(ApiError::PayloadTooLarge(limit)),
        Err(Unreadable::Broken(error)) => Err(ApiError::MalformedJson(format!("it is no gzip ({error})"))),
    }
}

impl RequestBody {
    /// Refuses any field, for routes that take none: a client must not believe that a field had an effect. No body and an
    /// empty object are the same.
    pub(crate) fn expect_empty(self) -> ApiResult<()> {
        match &self.bytes {
            Ok(bytes) if bytes.is_empty() => Ok(()),
            _ => self.read::<NoFields>().map(drop),
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

fn object<T: Request>(bytes: &[u8]) -> ApiResult<Parsed<T>> {
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
    let mut values = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        if values.insert(name.clone(), value).is_some() {
            return Err(Error::field(name, "must come once").into());
        }
    }
    let entries = MapDeserializer::<_, ValueError>::new(values.into_iter());
    T::from_object(entries).map_err(|error| ApiError::MalformedJson(error.to_string()))
}
