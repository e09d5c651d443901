//! Where a body ends, in the cases of HTTP/1 in which actix-http leaves it open.
//!
//! A chunked body may break after its request was answered, and what stands behind it is anybody's guess: an answer
//! that did not wait for the end of such a body is its connection's last. And with `Upgrade: websocket` actix-http takes
//! all that ever comes for the body, whatever the length says: here it ends where it was said to end.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_http::{ConnectionType, HttpMessage, Payload, Request, error::PayloadError};
use actix_service::Service;
use actix_web::{
    Error,
    dev::ServiceResponse,
    http::header::{CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::Either};

use super::connection::Connection;

/// Has the application answer a request that came by HTTP/1.
pub(super) fn answer<S>(app: &S, mut request: Request) -> impl Future<Output = Result<ServiceResponse, Error>> + use<S>
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let Some(end) = End::of(&mut request) else {
        return Either::Left(app.call(request));
    };
    let came = Rc::new(Cell::new(false));
    let inner = request.take_payload();
    *request.payload() = Payload::Stream { payload: Box::pin(Body { inner, end, came: came.clone() }) };
    let connection = request.conn_data::<Rc<Connection>>().cloned();
    let answering = app.call(request);
    Either::Right(async move {
        let mut answer = answering.await?;
        if !came.get() {
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
        headers.contains_key(UPGRADE).then(|| Self::After(length().unwrap_or(0)))
    }
}

/// A body that says whether it came whole, and all of it was read.
struct Body {
    inner: Payload,
    end: End,
    came: Rc<Cell<bool>>,
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.end == End::After(0) {
            return Poll::Ready(None);
        }
        let chunk = ready!(this.inner.poll_next_unpin(cx));
        Poll::Ready(match (chunk, &mut this.end) {
            (Some(Ok(mut chunk)), End::After(left)) => {
                chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left = left.saturating_sub(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                Some(Ok(chunk))
            }
            (None, End::Chunked) => {
                this.came.set(true);
                None
            }
            (None, End::After(_)) => Some(Err(PayloadError::Incomplete(None))),
            (other, _) => other,
        })
    }
}
