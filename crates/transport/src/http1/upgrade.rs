//! Connections that go on in another protocol, such as WebSocket (RFC 9110 7.8).
//!
//! An application answers with 101. From then on what the client sends is the payload of the request, and the body of the
//! answer is what is sent to the client, both as they are. actix-ws is made for that.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_http::{
    BoxedPayloadStream, Payload,
    body::{BoxBody, MessageBody},
    error::PayloadError,
};
use bytes::Bytes;
use futures_util::Stream;

use super::wire::Wire;
use crate::connection::BusyGuard;

/// What a connection goes on with.
pub(super) struct Upgraded {
    pub(super) content: BoxBody,
    pub(super) payload: UpgradePayload,
    /// It is busy to its end.
    pub(super) work: BusyGuard,
}

/// What the client sends behind the head of a request that may become another protocol.
#[derive(Clone)]
pub(super) struct UpgradePayload(Rc<RefCell<State>>);

enum State {
    /// Whether there will be anything is not known yet.
    Waiting(Option<Waker>),
    Open(Rc<RefCell<Wire>>),
    Ended,
}

impl UpgradePayload {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(State::Waiting(None))))
    }

    /// As the application reads it.
    pub(super) fn payload(&self) -> Payload {
        let stream: BoxedPayloadStream = Box::pin(self.clone());
        Payload::Stream { payload: stream }
    }

    fn open(&self, wire: &Rc<RefCell<Wire>>) {
        self.enter(State::Open(wire.clone()));
    }

    /// Nothing comes, or nothing more.
    pub(super) fn end(&self) {
        self.enter(State::Ended);
    }

    fn enter(&self, state: State) {
        if let State::Waiting(Some(waker)) = self.0.replace(state) {
            waker.wake();
        }
    }
}

impl Stream for UpgradePayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let wire = match &mut *self.0.borrow_mut() {
            State::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            State::Open(wire) => wire.clone(),
            State::Ended => return Poll::Ready(None),
        };
        let read = wire.borrow_mut().poll_read_upgraded(cx);
        read.map(|read| read.map(|read| read.map_err(PayloadError::Io)))
    }
}

/// Sends what the application sends, to its end.
pub(super) async fn run(wire: &Rc<RefCell<Wire>>, upgraded: Upgraded) -> io::Result<()> {
    let Upgraded { mut content, payload, work } = upgraded;
    wire.borrow_mut().upgrade();
    payload.open(wire);
    let sent = send(wire, &mut content).await;
    payload.end();
    drop(work);
    sent?;
    super::finish(wire).await
}

async fn send(wire: &RefCell<Wire>, content: &mut BoxBody) -> io::Result<()> {
    while let Some(piece) = poll_fn(|cx| content.as_pin_mut().poll_next(cx)).await {
        let piece = piece.map_err(|error| io::Error::other(error.to_string()))?;
        super::write(wire, &piece).await?;
    }
    Ok(())
}
