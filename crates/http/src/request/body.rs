//! Bodies.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    web,
};
use bytes::{Bytes, BytesMut};
use entrepot_application::Error;
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde_json::{Map, Value};

use super::{Fields, json};
use crate::{
    HttpState,
    encoding::{Unreadable, gunzip},
    error::{ApiError, ApiResult},
};

/// A request that is read from the fields of a body.
pub(crate) trait FromFields: Sized {
    /// Whether a form (`application/x-www-form-urlencoded`) is taken too.
    const FORM: bool = false;

    /// Takes its fields; `None` after it has noted why not.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// A body as it came. It is not read before the handler has looked who sent it, so that a stranger is told to log in
/// rather than what is wrong with their fields.
pub(crate) struct Raw {
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
struct Nothing;

impl FromFields for Nothing {
    fn read(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// The most bytes that are set aside because a client says that they will come.
const BELIEVED: usize = 64 << 10;

impl FromRequest for Raw {
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
    let mut bytes = BytesMut::with_capacity(length.unwrap_or_default().min(BELIEVED));
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

impl Raw {
    /// Sees to it that there is nothing in it, for routes that take no fields: what they cannot do must not be asked in
    /// vain. An empty object is nothing too.
    pub(crate) fn nothing(self) -> ApiResult<()> {
        match &self.bytes {
            Ok(bytes) if bytes.is_empty() => Ok(()),
            _ => self.read::<Nothing>().map(drop),
        }
    }

    /// Reads the request; every bad field is in the error.
    pub(crate) fn read<T: FromFields>(self) -> ApiResult<T> {
        let values = match self.kind {
            Kind::Json => object(&self.bytes?)?,
            Kind::Form if T::FORM => form(&self.bytes?)?,
            Kind::Form | Kind::Other if T::FORM => {
                return Err(ApiError::UnsupportedMediaType("application/json or application/x-www-form-urlencoded"));
            }
            Kind::Form | Kind::Other => return Err(ApiError::UnsupportedMediaType("application/json")),
        };
        let mut errors = Vec::new();
        let mut fields = Fields::new(values, &mut errors);
        let request = T::read(&mut fields);
        fields.finish();
        match request {
            Some(request) if errors.is_empty() => Ok(request),
            Some(_) | None => Err(Error::Validation(errors).into()),
        }
    }
}

fn object(bytes: &[u8]) -> ApiResult<Map<String, Value>> {
    if bytes.is_empty() {
        return Err(ApiError::MalformedJson("it is empty".into()));
    }
    match json::read(bytes) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Error::field("body", "must be an object").into()),
        Err(error) => Err(ApiError::MalformedJson(error.to_string())),
    }
}

/// A form as an object of texts; a field that comes twice is an error.
fn form(bytes: &[u8]) -> ApiResult<Map<String, Value>> {
    let mut values = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        if values.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            return Err(Error::field(name, "must come once").into());
        }
    }
    Ok(values)
}
