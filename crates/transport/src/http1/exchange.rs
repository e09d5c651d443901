//! The exchange of a request and its response: hyper's service.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, UPGRADE},
    request::Parts,
};
use hyper::body::{Body as _, Incoming};

use super::{
    upgrade::{UpgradePayload, Upgraded},
    wire::{Framing, Wire},
};
use crate::{
    Stopping,
    application::Application,
    body::{Continue, RequestBody, ResponseBody, Source, Unread},
    connection::{BusyGuard, Connection},
    convert, host,
    refusal::Refusal,
};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Processes the requests of one connection.
pub(super) struct Exchange {
    wire: Rc<RefCell<Wire>>,
    connection: Rc<Connection>,
    app: Application,
    peer: SocketAddr,
    stopping: Stopping,
    upgraded: Cell<Option<Upgraded>>,
}

impl Exchange {
    pub(super) fn new(wire: Rc<RefCell<Wire>>, app: Application, peer: SocketAddr, stopping: Stopping) -> Self {
        let connection = wire.borrow_mut().stream().connection().clone();
        Self { wire, connection, app, peer, stopping, upgraded: Cell::new(None) }
    }

    /// Returns the upgrade of the connection, if there was one.
    pub(super) fn take_upgraded(&self) -> Option<Upgraded> {
        self.upgraded.take()
    }

    async fn respond(self: Rc<Self>, work: BusyGuard, parts: Parts, body: Incoming) -> Response<ResponseBody> {
        if let Err(refusal) = host::check(&parts) {
            return refuse(refusal);
        }
        let options = ConnectionOptions::of(&parts);
        let expects = if parts.headers.contains_key(EXPECT) { Continue::ByHyper } else { Continue::NotExpected };
        let upgrade = wants_upgrade(&parts, &body).then(UpgradePayload::new);
        let body = RequestBody::new(Source::Http1(body), length(&parts.headers), expects);
        let payload = match &upgrade {
            Some(upgrade) => upgrade.payload(),
            None => RequestBody::payload(&body),
        };
        let Some(request) = convert::request(&parts, payload, self.peer) else { return refuse(Refusal::Malformed) };
        let (response, content) = self.app.call(request).await.into_parts();
        let (status, mut headers) = self.app.headers().head(&response);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return match upgrade {
                Some(payload) => self.upgrade(headers, Upgraded { content, payload, work }),
                None => refuse(Refusal::Malformed),
            };
        }
        if let Some(upgrade) = upgrade {
            upgrade.end();
        }
        headers.remove(UPGRADE);
        let content = ResponseBody::new(content, work);
        let closes = convert::closes(&response)
            || self.stopping.has_begun()
            // The end of the connection marks the end of the body.
            || (options.is_http_1_0 && (!options.keep_alive || content.is_endless()));
        // After the last response the connection lingers in any case.
        let drain_timeout = (!closes).then_some(self.connection.timeouts().head);
        let unread = RequestBody::leave(&body, content.is_streaming(), drain_timeout);
        let is_last = closes || unread == Unread::Abandoned;
        if is_last {
            headers.insert(CONNECTION, CLOSE);
        }
        let mut response = response_of(status, headers, content);
        if is_last && options.is_http_1_0 {
            // hyper would add `connection: keep-alive` otherwise.
            *response.version_mut() = Version::HTTP_10;
        }
        response
    }

    fn upgrade(&self, mut headers: HeaderMap, upgraded: Upgraded) -> Response<ResponseBody> {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        self.upgraded.set(Some(upgraded));
        response_of(StatusCode::SWITCHING_PROTOCOLS, headers, ResponseBody::from_static(""))
    }
}

/// The exchange as a hyper service.
pub(super) struct HyperService(pub(super) Rc<Exchange>);

impl hyper::service::Service<Request<Incoming>> for HyperService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let exchange = self.0.clone();
        let (parts, body) = request.into_parts();
        let framing = body.size_hint().exact().map_or(Framing::Chunked, Framing::Sized);
        exchange.wire.borrow_mut().begin_body(framing);
        let work = exchange.connection.clone().start_request();
        Box::pin(async move { Ok(exchange.respond(work, parts, body).await) })
    }
}

/// The options of the connection that the client sent.
struct ConnectionOptions {
    keep_alive: bool,
    /// HTTP/1.0: no chunks, and the connection is closed by default.
    is_http_1_0: bool,
}

impl ConnectionOptions {
    fn of(parts: &Parts) -> Self {
        Self { keep_alive: has_option(&parts.headers, "keep-alive"), is_http_1_0: parts.version < Version::HTTP_11 }
    }
}

/// Returns whether `Connection` contains an option.
fn has_option(headers: &HeaderMap, option: &str) -> bool {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|named| named.trim().eq_ignore_ascii_case(option))
}

/// Returns whether a request may be upgraded to a WebSocket.
fn wants_upgrade(parts: &Parts, body: &Incoming) -> bool {
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && parts.headers.contains_key(UPGRADE)
        && body.is_end_stream()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn refuse(refusal: Refusal) -> Response<ResponseBody> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(CONNECTION, CLOSE);
    response_of(refusal.status(), headers, ResponseBody::from_static(refusal.message()))
}

fn response_of(status: StatusCode, headers: HeaderMap, content: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
