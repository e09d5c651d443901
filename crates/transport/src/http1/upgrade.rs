//! Upgraded connections, such as WebSocket (RFC 9110 7.8).
//!
//! After a 101 response, the payload of the request is the data from the client, and the body of the response is the
//! data to the client, both unchanged. actix-ws works with this.

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

/// An upgraded connection.
pub(super) struct Upgraded {
    pub(super) content: BoxBody,
    pub(super) payload: UpgradePayload,
    /// The connection is busy until it is closed.
    pub(super) work: BusyGuard,
}

/// The data after the head of a request that may be upgraded.
#[derive(Clone)]
pub(super) struct UpgradePayload(Rc<RefCell<State>>);

enum State {
    /// It is not known yet whether the connection is upgraded.
    Waiting(Option<Waker>),
    Open(Rc<RefCell<Wire>>),
    Ended,
}

impl UpgradePayload {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(State::Waiting(None))))
    }

    /// Returns the payload for the application.
    pub(super) fn payload(&self) -> Payload {
        let stream: BoxedPayloadStream = Box::pin(self.clone());
        Payload::Stream { payload: stream }
    }

    fn open(&self, wire: &Rc<RefCell<Wire>>) {
        self.enter(State::Open(wire.clone()));
    }

    /// Ends the payload.
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

/// Sends the data of the application until it ends.
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
