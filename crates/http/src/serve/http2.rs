//! HTTP/2, with limits.
//!
//! actix-http speaks it too, and gives no handle on most of h2's limits but the windows: streams without number at a time,
//! 16 MB of headers for each, and whatever is reset is answered to its end all the same (CVE-2023-44487 lives on that).
//! So h2 is asked here directly, and the application answers as it does to HTTP/1.

use std::{
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_http::{Payload, Request, Response};
use actix_service::Service;
use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{
        Method,
        header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE},
    },
};
use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    server::{self, Builder, SendResponse},
};
use tokio::{task::JoinSet, time::timeout};

use super::{
    clock::Date,
    connection::{Connection, UNREAD},
    stream::Watched,
};
use crate::edge::Marks;

/// Streams at a time that a client may have open. h2 refuses more.
const STREAMS: u32 = 100;
/// Requests of a connection that are worked on at a time, those whose streams were reset included: the next ones wait,
/// and h2 ends the connection when more than 20 of these are reset meanwhile.
const AT_WORK: usize = 100;
/// Resets that a client is allowed for nothing. Beyond, it may reset no more than it lets be answered.
const RESETS: usize = 100;
/// Bytes of the headers of a request, each with the 32 more that RFC 9113 counts; h2 answers more with a 431.
const HEADERS: u32 = 64 << 10;
/// Bytes of a body that may come before anybody has read some of it, and of all bodies of a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Bytes that are written of one answer before another one's turn.
const PIECE: usize = 16 << 10;

/// Serves a connection to its end.
pub(super) async fn serve<S>(stream: Watched, app: Rc<S>, peer: SocketAddr) -> Result<(), h2::Error>
where
    S: Service<Request, Response = ServiceResponse, Error = Error> + 'static,
{
    let watched = stream.connection().clone();
    let http2 = Builder::new()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(stream)
        .await?;
    let mut session = Session { http2, at_work: JoinSet::new(), resets: 0, answers: 0 };
    poll_fn(|cx| {
        session.poll(cx, |request, respond| {
            let (app, watched) = (app.clone(), watched.clone());
            let busy = watched.clone().begin();
            async move {
                let fate = answer(&*app, request, respond, peer, &watched).await;
                drop(busy);
                fate
            }
        })
    })
    .await
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Its client did not want the answer any more.
    Reset,
}

struct Session {
    http2: server::Connection<Watched, Bytes>,
    /// What is dropped with the connection: its clients are gone.
    at_work: JoinSet<Fate>,
    resets: usize,
    answers: usize,
}

impl Session {
    fn poll<F>(
        &mut self,
        cx: &mut Context<'_>,
        work: impl Fn(http::Request<RecvStream>, SendResponse<Bytes>) -> F,
    ) -> Poll<Result<(), h2::Error>>
    where
        F: Future<Output = Fate> + 'static,
    {
        loop {
            while let Poll::Ready(Some(fate)) = self.at_work.poll_join_next(cx) {
                self.count(fate.unwrap_or(Fate::Answered));
            }
            if self.at_work.len() >= AT_WORK {
                return self.http2.poll_closed(cx);
            }
            match ready!(self.http2.poll_accept(cx)) {
                Some(Ok((request, respond))) => drop(self.at_work.spawn_local(work(request, respond))),
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Answered => self.answers += 1,
            Fate::Reset => self.resets += 1,
        }
        if self.resets > self.answers + RESETS {
            self.http2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        }
    }
}

/// Answers a request, unless its client resets it first; a change that it has begun is finished all the same.
async fn answer<S>(
    app: &S,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    peer: SocketAddr,
    connection: &Connection,
) -> Fate
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let wants_body = request.method() != Method::HEAD;
    let mut answering = pin!(app.call(of_actix(request, peer)));
    let answer = poll_fn(|cx| match answering.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => respond.poll_reset(cx).map(|_| None),
    });
    let (answer, body) = match answer.await {
        Some(Ok(answer)) => Response::from(answer).into_parts(),
        Some(Err(error)) => Response::from(error).into_parts(),
        None => return Fate::Reset,
    };
    let size = body.size();
    let ends = size.is_eof() || !wants_body;
    match respond.send_response(head(&answer, size, &connection.date()), ends) {
        Ok(_) if ends => Fate::Answered,
        Ok(stream) => send(body, stream).await,
        Err(_) => Fate::Reset,
    }
}

/// The same request, as the application takes it.
fn of_actix(request: http::Request<RecvStream>, peer: SocketAddr) -> Request {
    let (parts, body) = request.into_parts();
    let mut request = Request::with_payload(Payload::from(body));
    let head = request.head_mut();
    head.method = parts.method;
    head.uri = parts.uri;
    head.version = parts.version;
    head.headers = parts.headers.into();
    head.peer_addr = Some(peer);
    request
}

/// The head of an answer, without what means something in HTTP/1 alone (RFC 9113 8.2.2).
fn head(answer: &Response<()>, size: BodySize, date: &Date) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = answer.status();
    let headers = head.headers_mut();
    *headers = answer.headers().into();
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")] {
        headers.remove(name);
    }
    if let Some(marks) = answer.extensions().get::<Marks>() {
        marks.each_header(|name, value| drop(headers.insert(name, value)));
    }
    if let BodySize::Sized(length) = size {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    if let Ok(date) = HeaderValue::from_bytes(date) {
        headers.entry(DATE).or_insert(date);
    }
    head
}

/// Sends a body as fast as its client takes it, unless that takes nothing of it for too long.
async fn send(body: BoxBody, mut stream: SendStream<Bytes>) -> Fate {
    let mut body = pin!(body);
    loop {
        let chunk = poll_fn(|cx| match body.as_mut().poll_next(cx) {
            Poll::Ready(chunk) => Poll::Ready(Ok(chunk)),
            Poll::Pending => stream.poll_reset(cx).map(Err),
        });
        let mut chunk = match chunk.await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) => {
                tracing::error!(%error, "an answer could not be made to its end");
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Fate::Answered;
            }
            Ok(None) => {
                stream.send_data(Bytes::new(), true).ok();
                return Fate::Answered;
            }
            Err(_) => return Fate::Reset,
        };
        while !chunk.is_empty() {
            stream.reserve_capacity(chunk.len().min(PIECE));
            match timeout(UNREAD, poll_fn(|cx| stream.poll_capacity(cx))).await {
                Ok(Some(Ok(room))) => {
                    let piece = chunk.split_to(room.min(chunk.len()));
                    if stream.send_data(piece, false).is_err() {
                        return Fate::Reset;
                    }
                }
                Ok(_) => return Fate::Reset,
                Err(_) => {
                    stream.send_reset(Reason::CANCEL);
                    return Fate::Reset;
                }
            }
        }
    }
}
