//! Where a body ends, in the cases of HTTP/1 in which actix-http leaves it open.
//!
//! A chunked body may break after its request was answered, and what stands behind it is anybody's guess: an answer
//! that did not wait for the end of such a body is its connection's last. If it breaks before, actix-http takes the client
//! for gone, and gives the handler one moment to answer: one that is at something else before it reads the body, such as a
//! look at a session, is answered for here. And with `Upgrade: websocket` actix-http takes all that ever comes for the body, whatever the length
//! says: here it ends where it was said to end.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_http::{ConnectionType, HttpMessage, Payload, Request, error::PayloadError};
use actix_service::Service;
use actix_web::{
    Error,
    dev::ServiceResponse,
    error::InternalError,
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::Either};

use super::{connection::Connection, refusal};
use crate::HttpState;

/// Bytes of a body that are taken before anybody wants them, to see whether it breaks.
const AHEAD: usize = 64 << 10;

/// Has the application answer a request that came by HTTP/1.
pub(super) fn answer<S>(
    app: &S,
    mut request: Request,
    state: &Arc<HttpState>,
) -> impl Future<Output = Result<ServiceResponse, Error>> + use<S>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let Some(end) = End::of(&mut request) else {
        return Either::Left(app.call(request));
    };
    let body = Rc::new(RefCell::new(Coming::new(request.take_payload(), end)));
    *request.payload() = Payload::Stream { payload: Box::pin(Body(body.clone())) };
    let (connection, state) = (request.conn_data::<Rc<Connection>>().cloned(), state.clone());
    let answering = app.call(request);
    Either::Right(async move {
        let mut answering = pin!(answering);
        let answer = poll_fn(|cx| match answering.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            // Who has no use for the body any more may be at a change, of which a 400 would say that it was not done.
            Poll::Pending if Rc::strong_count(&body) > 1 && body.borrow_mut().breaks(cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let mut answer = match answer.await {
            Some(answer) => answer?,
            None => return Err(InternalError::from_response("a body broke", refusal::broken_body(&state)).into()),
        };
        if !body.borrow().is_read() {
            answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            connection.inspect(|connection| connection.end_after_this());
        }
        Ok(answer)
    })
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Behind the last chunk.
    Chunked,
    /// After so many more bytes, whatever actix-http thinks.
    After(u64),
}

impl End {
    /// None if there is no body, or one whose end is never in doubt.
    fn of(request: &mut Request) -> Option<Self> {
        if !matches!(request.payload(), Payload::H1 { .. }) {
            return None;
        }
        let headers = request.headers();
        if headers.contains_key(TRANSFER_ENCODING) {
            return Some(Self::Chunked);
        }
        let length = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok();
        let websocket = |upgrade: &[u8]| upgrade.trim_ascii().eq_ignore_ascii_case(b"websocket");
        let upgraded = headers.get_all(UPGRADE).any(|upgrade| websocket(upgrade.as_bytes()));
        upgraded.then(|| Self::After(length().unwrap_or(0)))
    }
}

/// A body on its way.
struct Coming {
    inner: Payload,
    end: End,
    /// What has come and nobody has read, and how much that is.
    ahead: VecDeque<Bytes>,
    length: usize,
    outcome: Outcome,
}

enum Outcome {
    Unknown,
    Whole,
    Broken(Option<PayloadError>),
}

impl Coming {
    fn new(inner: Payload, end: End) -> Self {
        Self { inner, end, ahead: VecDeque::new(), length: 0, outcome: Outcome::Unknown }
    }

    /// Takes what has come, as far as there is room for it.
    fn take(&mut self, cx: &mut Context<'_>) {
        while matches!(self.outcome, Outcome::Unknown) && self.length < AHEAD {
            match self.poll_chunk(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(chunk))) => {
                    self.length += chunk.len();
                    self.ahead.push_back(chunk);
                }
                Poll::Ready(Some(Err(error))) => self.outcome = Outcome::Broken(Some(error)),
                Poll::Ready(None) => self.outcome = Outcome::Whole,
            }
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.end == End::After(0) {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.inner.poll_next_unpin(cx));
        Poll::Ready(match (chunk, &mut self.end) {
            (Some(Ok(mut chunk)), End::After(left)) => {
                chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left = left.saturating_sub(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                Some(Ok(chunk))
            }
            (None, End::After(_)) => Some(Err(PayloadError::Incomplete(None))),
            (other, _) => other,
        })
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.take(cx);
        if let Some(chunk) = self.ahead.pop_front() {
            self.length -= chunk.len();
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &mut self.outcome {
            Outcome::Unknown => Poll::Pending,
            Outcome::Whole => Poll::Ready(None),
            Outcome::Broken(error) => Poll::Ready(error.take().map(Err)),
        }
    }

    /// Whether it will never come whole, as far as can be seen.
    fn breaks(&mut self, cx: &mut Context<'_>) -> bool {
        self.take(cx);
        matches!(self.outcome, Outcome::Broken(_))
    }

    /// Whether it came whole, to the last chunk, and all of it was read.
    fn is_read(&self) -> bool {
        self.end == End::Chunked && matches!(self.outcome, Outcome::Whole) && self.ahead.is_empty()
    }
}

/// The same, for the application.
struct Body(Rc<RefCell<Coming>>);

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_read(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, task::Waker};

    use actix_http::h1;
    use actix_service::fn_service;
    use actix_web::http::{StatusCode, header::HeaderValue};
    use futures_util::{FutureExt, stream};

    use super::*;
    use crate::testing::state_for_tests;

    fn coming(chunks: &'static [&'static str], breaks: bool) -> Coming {
        let chunks = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
        let last = breaks.then(|| Err(PayloadError::EncodingCorrupted));
        let payload: Payload = Payload::Stream { payload: Box::pin(stream::iter(chunks.chain(last))) };
        Coming::new(payload, End::Chunked)
    }

    #[test]
    fn a_body_is_seen_to_break_while_nobody_reads_it_and_is_read_all_the_same() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut body = coming(&["a", "b"], true);
        assert!(body.breaks(&mut cx));
        for chunk in ["a", "b"] {
            assert!(matches!(body.poll_read(&mut cx), Poll::Ready(Some(Ok(read))) if read == chunk));
        }
        assert!(matches!(body.poll_read(&mut cx), Poll::Ready(Some(Err(PayloadError::EncodingCorrupted)))));
        assert!(matches!(body.poll_read(&mut cx), Poll::Ready(None)));
        assert!(!body.is_read());

        let mut body = coming(&["a"], false);
        assert!(!body.breaks(&mut cx));
        assert!(!body.is_read(), "nobody has read it yet");
        assert!(matches!(body.poll_read(&mut cx), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(body.poll_read(&mut cx), Poll::Ready(None)));
        assert!(body.is_read());
    }

    /// A chunked request whose body has just broken.
    fn broken() -> Request {
        let (mut sender, payload) = h1::Payload::create(false);
        sender.set_error(PayloadError::EncodingCorrupted);
        let mut request = Request::with_payload(payload.into());
        request.head_mut().headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        request
    }

    #[test]
    fn who_is_at_something_else_when_a_body_breaks_is_answered_for() {
        let app = fn_service(async |request: Request| {
            let _body_for_later = request;
            pending::<Result<ServiceResponse, Error>>().await
        });
        let answer = answer(&app, broken(), &state_for_tests()).now_or_never();
        let refusal = answer.expect("an answer at once").expect_err("a refusal").error_response();
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
        assert!(refusal.head().connection_type() == ConnectionType::Close);
        assert!(refusal.headers().contains_key("x-request-id"));
    }

    #[test]
    fn who_is_at_a_change_is_not() {
        let app = fn_service(async |request: Request| {
            drop(request);
            pending::<Result<ServiceResponse, Error>>().await
        });
        assert!(answer(&app, broken(), &state_for_tests()).now_or_never().is_none());
    }

    #[test]
    fn no_more_is_taken_ahead_than_there_is_room_for() {
        let chunk = Bytes::from(vec![0; AHEAD / 2]);
        let endless = stream::repeat_with(move || Ok(chunk.clone()));
        let mut body = Coming::new(Payload::Stream { payload: Box::pin(endless) }, End::Chunked);
        assert!(!body.breaks(&mut Context::from_waker(Waker::noop())));
        assert_eq!(body.length, AHEAD);
    }
}
