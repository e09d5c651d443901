//! Converts requests and responses between http 1, which hyper and h2 use, and http 0.2, which actix uses. No other
//! module uses both.

use std::{cell::RefCell, collections::HashMap, net::SocketAddr};

use actix_http::{
    ConnectionType, Payload, Request, RequestHead, Response,
    header::{self as old, HeaderMap as OldHeaders},
};
use bytes::Bytes;
use foldhash::fast::RandomState;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, request::Parts};

/// The maximum number of cached headers.
const MAX_CACHED_NAMES: usize = 128;
/// The maximum length of a cached header value.
const MAX_CACHED_VALUE_BYTES: usize = 512;

/// Converts a request for an actix service; `None` if the types of http 0.2 cannot represent it.
pub(crate) fn request(parts: &Parts, payload: Payload, peer: SocketAddr) -> Option<Request> {
    let mut request = Request::with_payload(payload);
    let head: &mut RequestHead = request.head_mut();
    head.method = actix_http::Method::from_bytes(parts.method.as_str().as_bytes()).ok()?;
    head.uri = uri(&parts.uri)?;
    head.version = match parts.version {
        Version::HTTP_10 => actix_http::Version::HTTP_10,
        Version::HTTP_2 => actix_http::Version::HTTP_2,
        _ => actix_http::Version::HTTP_11,
    };
    head.peer_addr = Some(peer);
    for (name, value) in &parts.headers {
        let name = old::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        head.headers.append(name, old::HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(request)
}

fn uri(uri: &http::Uri) -> Option<actix_http::Uri> {
    match (uri.authority(), uri.path_and_query()) {
        (None, Some(path)) => {
            let path = Bytes::copy_from_slice(path.as_str().as_bytes());
            Some(actix_http::uri::PathAndQuery::from_maybe_shared(path).ok()?.into())
        }
        _ => uri.to_string().parse().ok(),
    }
}

/// Converts response headers, and caches converted ones: most headers of most responses are equal.
#[derive(Default)]
pub(crate) struct Headers(RefCell<HashMap<Box<str>, (HeaderName, HeaderValue), RandomState>>);

impl Headers {
    /// Converts the head of a response, without the headers of the connection.
    pub(crate) fn head(&self, response: &Response<()>) -> (StatusCode, HeaderMap) {
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.convert(response.headers()))
    }

    fn convert(&self, headers: &OldHeaders) -> HeaderMap {
        let mut converted = HeaderMap::with_capacity(headers.len() + 2);
        for (name, value) in headers {
            match *name {
                // The length is taken from the body.
                old::CONNECTION | old::TRANSFER_ENCODING | old::CONTENT_LENGTH => {}
                _ => {
                    if let Some((name, value)) = self.header(name.as_str(), value.as_bytes()) {
                        converted.append(name, value);
                    }
                }
            }
        }
        converted
    }

    fn header(&self, name: &str, value: &[u8]) -> Option<(HeaderName, HeaderValue)> {
        let mut known = self.0.borrow_mut();
        if let Some((known_name, known_value)) = known.get_mut(name) {
            if known_value.as_bytes() != value {
                let value = HeaderValue::from_bytes(value).ok()?;
                if value.len() > MAX_CACHED_VALUE_BYTES {
                    return Some((known_name.clone(), value));
                }
                *known_value = value;
            }
            return Some((known_name.clone(), known_value.clone()));
        }
        let header = (HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?);
        if known.len() < MAX_CACHED_NAMES && value.len() <= MAX_CACHED_VALUE_BYTES {
            known.insert(name.into(), header.clone());
        }
        Some(header)
    }
}

/// Returns whether the application wants the connection to be closed after a response.
pub(crate) fn closes(response: &Response<()>) -> bool {
    response.head().connection_type() == ConnectionType::Close
}
