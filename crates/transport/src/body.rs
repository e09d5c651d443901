//! Bodies: request bodies as streams for the application, response bodies as hyper expects them.

use std::{
    cell::RefCell,
    error::Error,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::{
    BoxedPayloadStream, Payload,
    body::{BodySize, BoxBody, MessageBody},
    error::PayloadError,
};
use bytes::Bytes;
use futures_util::Stream;
use h2::{RecvStream, server::SendResponse};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{task::spawn_local, time::timeout};

use crate::connection::BusyGuard;

/// The maximum number of unused bytes of a request body that are read, to keep the connection open or to let the client
/// read the response.
const MAX_DRAINED_BYTES: u64 = 64 << 10;

/// The source of a request body.
pub(crate) enum Source {
    Http1(Incoming),
    Http2(RecvStream),
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        match self {
            Self::Http1(body) => loop {
                return Poll::Ready(match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => Some(Ok(data)),
                        // Trailers are ignored.
                        Err(_) => continue,
                    },
                    Some(Err(error)) => Some(Err(broken(error))),
                    None => None,
                });
            },
            Self::Http2(body) => Poll::Ready(match ready!(body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // This fails if the stream has ended, which the next call reports.
                    body.flow_control().release_capacity(data.len()).ok();
                    Some(Ok(data))
                }
                Some(Err(error)) => Some(Err(broken(error))),
                None => None,
            }),
        }
    }

    fn has_ended(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }
}

fn broken(error: impl Error + Send + Sync + 'static) -> PayloadError {
    PayloadError::Incomplete(Some(io::Error::other(error)))
}

/// How a body that the client holds back is requested (RFC 9110 10.1.1).
pub(crate) enum Continue {
    /// The client does not wait.
    NotExpected,
    /// hyper sends `100 Continue` when the body is read.
    ByHyper,
    /// The stream on which to send `100 Continue`.
    Http2(Rc<RefCell<SendResponse<Bytes>>>),
}

/// The body of a request, shared by the application and the connection.
pub(crate) struct RequestBody {
    /// `None` if it was read completely, or is not read any more.
    source: Option<Source>,
    /// The `Content-Length`, if the client sent one.
    length: Option<u64>,
    taken: u64,
    expects: Continue,
    has_failed: bool,
}

/// The state of the part of a request body that the application did not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is none, or it is discarded in the background: the next request can be read after it.
    Harmless,
    /// The application may still read it.
    InUse,
    /// It is not read, so that on HTTP/1 no request can be read after it.
    Abandoned,
}

impl RequestBody {
    pub(crate) fn new(source: Source, length: Option<u64>, expects: Continue) -> Rc<RefCell<Self>> {
        let source = (!source.has_ended()).then_some(source);
        Rc::new(RefCell::new(Self { source, length, taken: 0, expects, has_failed: false }))
    }

    /// Returns the payload for the application.
    pub(crate) fn payload(body: &Rc<RefCell<Self>>) -> Payload {
        if body.borrow().source.is_none() {
            return Payload::None;
        }
        let stream: BoxedPayloadStream = Box::pin(Reader(body.clone()));
        Payload::Stream { payload: stream }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        let Some(source) = &mut self.source else {
            let failed = self.has_failed.then_some(Err(PayloadError::Incomplete(None)));
            return Poll::Ready(failed);
        };
        match std::mem::replace(&mut self.expects, Continue::NotExpected) {
            Continue::NotExpected | Continue::ByHyper => {}
            Continue::Http2(respond) => send_continue(&respond),
        }
        let data = ready!(source.poll(cx));
        match &data {
            Some(Ok(data)) => self.taken += u64::try_from(data.len()).unwrap_or(u64::MAX),
            Some(Err(_)) => self.fail(),
            None => self.source = None,
        }
        Poll::Ready(data)
    }

    fn fail(&mut self) {
        self.source = None;
        self.has_failed = true;
    }

    /// Called when the application has responded. `is_streaming` says that the response may still depend on the body. A
    /// small rest is read for up to `drain_timeout`, if there is one.
    pub(crate) fn leave(body: &Rc<RefCell<Self>>, is_streaming: bool, drain_timeout: Option<Duration>) -> Unread {
        let mut this = body.borrow_mut();
        let Some(source) = &this.source else {
            return if this.has_failed { Unread::Abandoned } else { Unread::Harmless };
        };
        if source.has_ended() {
            return Unread::Harmless;
        }
        if is_streaming && Rc::strong_count(body) > 1 {
            return Unread::InUse;
        }
        let left = match source {
            Source::Http1(_) => this.length.map(|length| length.saturating_sub(this.taken)),
            // Streams can be reset at any time, so the length need not be known.
            Source::Http2(_) => Some(this.length.map_or(0, |length| length.saturating_sub(this.taken))),
        };
        // A client that waits for `100 Continue` may or may not send the body.
        let is_coming = matches!(this.expects, Continue::NotExpected);
        let is_small = left.is_some_and(|left| left <= MAX_DRAINED_BYTES);
        if let Some(limit) = drain_timeout.filter(|_| is_coming && is_small) {
            drop(this);
            spawn_local(drain(body.clone(), limit));
            return Unread::Harmless;
        }
        this.fail();
        Unread::Abandoned
    }
}

fn send_continue(respond: &RefCell<SendResponse<Bytes>>) {
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::CONTINUE;
    // This fails if the stream has ended, or after the response was sent.
    respond.borrow_mut().send_informational(head).ok();
}

/// Reads and discards a body, for a limited time.
async fn drain(body: Rc<RefCell<RequestBody>>, limit: Duration) {
    let max = body.borrow().taken + MAX_DRAINED_BYTES;
    let reading = poll_fn(|cx| {
        let mut body = body.borrow_mut();
        while body.taken <= max && ready!(body.poll(cx)).is_some_and(|data| data.is_ok()) {}
        Poll::Ready(())
    });
    timeout(limit, reading).await.ok();
    body.borrow_mut().fail();
}

struct Reader(Rc<RefCell<RequestBody>>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll(cx)
    }
}

/// The body of a response, for hyper. Its connection is busy until it is dropped.
pub(crate) struct ResponseBody {
    content: Content,
    _work: Option<BusyGuard>,
}

enum Content {
    Empty,
    Bytes(Bytes),
    Stream(BoxBody),
}

impl ResponseBody {
    pub(crate) fn new(body: BoxBody, work: BusyGuard) -> Self {
        let content = match body.try_into_bytes() {
            Ok(bytes) if bytes.is_empty() => Content::Empty,
            Ok(bytes) => Content::Bytes(bytes),
            Err(stream) => Content::Stream(stream),
        };
        Self { content, _work: Some(work) }
    }

    pub(crate) fn from_static(text: &'static str) -> Self {
        let content =
            if text.is_empty() { Content::Empty } else { Content::Bytes(Bytes::from_static(text.as_bytes())) };
        Self { content, _work: None }
    }

    /// Returns whether it is produced while it is sent.
    pub(crate) fn is_streaming(&self) -> bool {
        matches!(self.content, Content::Stream(_))
    }

    /// Returns whether its length is unknown.
    pub(crate) fn is_endless(&self) -> bool {
        self.size() == BodySize::Stream
    }

    pub(crate) fn size(&self) -> BodySize {
        match &self.content {
            Content::Empty => BodySize::None,
            Content::Bytes(bytes) => BodySize::Sized(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Content::Stream(stream) => stream.size(),
        }
    }

    /// Polls the next chunk.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Box<dyn Error>>>> {
        let Content::Stream(stream) = &mut self.content else {
            return Poll::Ready(match std::mem::replace(&mut self.content, Content::Empty) {
                Content::Bytes(bytes) => Some(Ok(bytes)),
                _ => None,
            });
        };
        let piece = ready!(stream.as_pin_mut().poll_next(cx));
        if let Some(Err(error)) = &piece {
            tracing::error!(%error, "the body of a response failed");
        }
        Poll::Ready(piece)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(ready!(self.poll_next(cx)).map(|piece| match piece {
            Ok(piece) => Ok(Frame::data(piece)),
            Err(_) => Err(io::Error::other("the body of the response failed")),
        }))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Bytes(_) => false,
            Content::Stream(stream) => stream.size().is_eof(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(length) => SizeHint::with_exact(length),
            BodySize::Stream => SizeHint::new(),
        }
    }
}
