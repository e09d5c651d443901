//! HTTP/2, with h2.
//!
//! hyper uses h2 for HTTP/2 as well, but gives no access to what is needed here: `100 Continue`, a GOAWAY for clients
//! that reset most of their requests, and a time-out for responses that are not read. So h2 is used directly.

mod fields;
mod filter;
mod huffman;

use std::{
    cell::RefCell,
    future::poll_fn,
    net::SocketAddr,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::body::BodySize;
use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    server::{self, Builder, SendResponse},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, EXPECT, UPGRADE},
};
use http_body::Body as _;
use tokio::{task::JoinSet, time::timeout};

use self::filter::Filter;
use crate::{
    application::Application,
    body::{Continue, RequestBody, ResponseBody, Source},
    connection::{BusyGuard, Connection},
    convert, host,
    refusal::Refusal,
    stream::MonitoredStream,
};

/// The maximum number of concurrent streams of a client. h2 refuses more.
const MAX_STREAMS: u32 = 100;
/// The maximum number of requests being processed on a connection, including reset ones. Further requests wait, and h2
/// ends the connection when more than 20 of those are reset.
const MAX_TASKS: usize = 100;
/// The number of resets that a client may always send. Beyond, it may not reset more requests than were answered.
const FREE_RESETS: usize = 100;
/// The number of resets of malformed streams by h2 after which it ends the connection.
const MAX_ERROR_RESETS: usize = 1_024;
/// The maximum size of the headers of a request, including the 32 bytes per header of RFC 9113; h2 responds to more
/// with 431.
const MAX_HEADERS: u32 = 64 << 10;
/// The number of bytes of a body that may arrive before the application reads, and of all bodies of a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// The maximum number of bytes that are written of one response before another one continues.
const MAX_WRITE_BYTES: usize = 16 << 10;

/// Headers that are defined for HTTP/1 only (RFC 9113 8.2.2), except those that the conversion removes.
const CONNECTION_HEADERS: [HeaderName; 3] =
    [UPGRADE, HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection")];

/// Serves a connection until it is closed.
pub(crate) async fn serve(stream: MonitoredStream, app: &Application, peer: SocketAddr) {
    if let Err(error) = drive(stream, app, peer).await {
        tracing::debug!(%error, "a connection failed");
    }
}

async fn drive(stream: MonitoredStream, app: &Application, peer: SocketAddr) -> Result<(), h2::Error> {
    let connection = stream.connection().clone();
    let http2 = Builder::new()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_local_error_reset_streams(Some(MAX_ERROR_RESETS))
        .handshake(Filter::new(stream))
        .await?;
    let mut http2_connection = Http2Connection { http2, tasks: JoinSet::new(), resets: 0, responses: 0 };
    poll_fn(|cx| {
        http2_connection.poll(cx, |request, respond| {
            let exchange = Exchange { app: app.clone(), connection: connection.clone(), peer };
            let work = connection.clone().start_request();
            exchange.respond(work, request, respond)
        })
    })
    .await
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Responded,
    /// The client reset the stream.
    Reset,
}

struct Http2Connection {
    http2: server::Connection<Filter, Bytes>,
    /// Requests being processed. They are dropped with the connection, because its client has disconnected.
    tasks: JoinSet<Outcome>,
    resets: usize,
    responses: usize,
}

impl Http2Connection {
    fn poll<F>(
        &mut self,
        cx: &mut Context<'_>,
        respond: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F,
    ) -> Poll<Result<(), h2::Error>>
    where
        F: Future<Output = Outcome> + 'static,
    {
        loop {
            while let Poll::Ready(Some(outcome)) = self.tasks.poll_join_next(cx) {
                self.count(outcome.unwrap_or(Outcome::Responded));
            }
            if self.tasks.len() >= MAX_TASKS {
                return self.http2.poll_closed(cx);
            }
            match ready!(self.http2.poll_accept(cx)) {
                Some(Ok((request, sender))) => drop(self.tasks.spawn_local(respond(request, sender))),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Responded => self.responses += 1,
            Outcome::Reset => self.resets += 1,
        }
        if self.resets > self.responses + FREE_RESETS {
            self.http2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
    }
}

/// The exchange of a request and its response.
struct Exchange {
    app: Application,
    connection: Rc<Connection>,
    peer: SocketAddr,
}

type Responder = Rc<RefCell<SendResponse<Bytes>>>;

impl Exchange {
    /// Processes a request, unless its client resets it first. Changes that have begun are completed in any case.
    async fn respond(self, work: BusyGuard, request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Outcome {
        let respond = Rc::new(RefCell::new(respond));
        let (parts, body) = request.into_parts();
        if let Err(refusal) = host::check(&parts) {
            return self.refuse(&respond, refusal);
        }
        let wants_body = parts.method != Method::HEAD;
        let expects = match parts.headers.get(EXPECT) {
            Some(expect) if expect.as_bytes().eq_ignore_ascii_case(b"100-continue") => Continue::Http2(respond.clone()),
            _ => Continue::NotExpected,
        };
        let body = RequestBody::new(Source::Http2(body), length(&parts.headers), expects);
        let Some(request) = convert::request(&parts, RequestBody::payload(&body), self.peer) else {
            return self.refuse(&respond, Refusal::Malformed);
        };
        let mut future = self.app.call(request);
        let response = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(Some(response)),
            Poll::Pending => respond.borrow_mut().poll_reset(cx).map(|_| None),
        });
        let Some(response) = response.await else { return Outcome::Reset };
        let (response, content) = response.into_parts();
        let (status, headers) = self.app.headers().head(&response);
        // Upgrades are not supported on HTTP/2.
        if status.is_informational() {
            return self.refuse(&respond, Refusal::Malformed);
        }
        let content = ResponseBody::new(content, work);
        let outcome = self.send(&respond, head(status, headers), content, wants_body).await;
        RequestBody::leave(&body, false, Some(self.connection.timeouts().head));
        outcome
    }

    fn refuse(&self, respond: &Responder, refusal: Refusal) -> Outcome {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(DATE, self.connection.date());
        let Ok(mut stream) = respond.borrow_mut().send_response(head(refusal.status(), headers), false) else {
            return Outcome::Reset;
        };
        // A few bytes, which are sent when the window allows.
        stream.send_data(Bytes::from_static(refusal.message().as_bytes()), true).ok();
        Outcome::Responded
    }

    async fn send(
        &self,
        respond: &Responder,
        mut head: Response<()>,
        content: ResponseBody,
        wants_body: bool,
    ) -> Outcome {
        let headers = head.headers_mut();
        if let BodySize::Sized(length) = content.size() {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        headers.entry(DATE).or_insert_with(|| self.connection.date());
        let ends = content.is_end_stream() || !wants_body;
        // A separate statement: the borrow must end before the body is sent.
        let sent = respond.borrow_mut().send_response(head, ends);
        match sent {
            Ok(_) if ends => Outcome::Responded,
            Ok(stream) => send_content(content, stream, self.connection.timeouts().unread).await,
            Err(_) => Outcome::Reset,
        }
    }
}

/// Creates the head of a response, without headers of HTTP/1.
fn head(status: StatusCode, mut headers: HeaderMap) -> Response<()> {
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    let mut head = Response::new(());
    *head.status_mut() = status;
    *head.headers_mut() = headers;
    head
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Sends a body as fast as the client reads it, unless it reads nothing for too long.
async fn send_content(mut content: ResponseBody, mut stream: SendStream<Bytes>, limit: Duration) -> Outcome {
    loop {
        let piece = poll_fn(|cx| match content.poll_next(cx) {
            Poll::Ready(piece) => Poll::Ready(Ok(piece)),
            Poll::Pending => stream.poll_reset(cx).map(Err),
        });
        let mut piece = match piece.await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(_))) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Outcome::Responded;
            }
            Ok(None) => {
                stream.send_data(Bytes::new(), true).ok();
                return Outcome::Responded;
            }
            Err(_) => return Outcome::Reset,
        };
        while !piece.is_empty() {
            stream.reserve_capacity(piece.len().min(MAX_WRITE_BYTES));
            match timeout(limit, poll_fn(|cx| stream.poll_capacity(cx))).await {
                Ok(Some(Ok(room))) => {
                    let part = piece.split_to(room.min(piece.len()));
                    let is_last = piece.is_empty() && content.is_end_stream();
                    if stream.send_data(part, is_last).is_err() {
                        return Outcome::Reset;
                    }
                    if is_last {
                        return Outcome::Responded;
                    }
                }
                Ok(_) => return Outcome::Reset,
                Err(_) => {
                    stream.send_reset(Reason::CANCEL);
                    return Outcome::Reset;
                }
            }
        }
    }
}
