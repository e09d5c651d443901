//! Requests and answers between the types of http 1, which hyper and h2 use, and those of http 0.2, which actix uses.
//! Nothing else in this crate knows both.

use std::{cell::RefCell, collections::HashMap, net::SocketAddr};

use actix_http::{
    ConnectionType, Payload, Request, RequestHead, Response,
    header::{self as old, HeaderMap as OldHeaders},
};
use bytes::Bytes;
use foldhash::fast::RandomState;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, request::Parts};

/// The most names of headers that are remembered.
const MAX_CACHED_NAMES: usize = 128;
/// The longest value of a header that is remembered.
const MAX_CACHED_VALUE_BYTES: usize = 512;

/// A request as an actix service takes it; `None` if it cannot be one, which means that the two versions of http differ
/// in what they take.
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

/// Headers of answers, with what was converted before. Most headers of most answers are the same.
#[derive(Default)]
pub(crate) struct Headers(RefCell<HashMap<Box<str>, (HeaderName, HeaderValue), RandomState>>);

impl Headers {
    /// The head of an answer. What concerns the connection alone is left to whoever sends it.
    pub(crate) fn head(&self, response: &Response<()>) -> (StatusCode, HeaderMap) {
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.convert(response.headers()))
    }

    fn convert(&self, headers: &OldHeaders) -> HeaderMap {
        let mut converted = HeaderMap::with_capacity(headers.len() + 2);
        for (name, value) in headers {
            match *name {
                // The body knows its length.
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

/// Whether the application wants the connection to be closed behind an answer.
pub(crate) fn closes(response: &Response<()>) -> bool {
    response.head().connection_type() == ConnectionType::Close
}
