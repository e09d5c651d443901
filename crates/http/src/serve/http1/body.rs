//! What comes from a client, and where a body in it ends.

use std::{
    cell::RefCell,
    io,
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_http::{
    Payload,
    error::PayloadError,
    h1::{Codec, Message},
};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::Decoder;

use crate::serve::stream::Watched;

/// Bytes that are read at a time.
const ROOM: usize = 16 << 10;

/// So many bytes of a body that nobody wanted are read, to keep the connection.
const UNWANTED: u64 = 64 << 10;

/// A connection and what was read from it.
pub(super) struct Wire {
    pub(super) stream: Watched,
    pub(super) codec: Codec,
    pub(super) read: BytesMut,
    /// What is still to come of the body of the request at hand.
    pub(super) rest: Rest,
    /// Whether the client waits to be asked for it (RFC 9110 10.1.1).
    pub(super) expected: bool,
    /// How many requests had a body.
    bodies: u64,
    /// Whether the client has said all it had to say.
    has_ended: bool,
    /// The most that was there at once since room was let go.
    most: usize,
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    /// Chunks, nobody knows how many.
    Chunks,
    Bytes(u64),
    /// So many bytes, and whatever follows is lost: with `Upgrade: websocket` actix-http takes all that ever comes for
    /// the body, whatever the length says.
    Raw(u64),
    /// It broke, and what stands behind it is anybody's guess.
    Broken,
}

impl Wire {
    pub(super) fn new(stream: Watched, codec: Codec) -> Self {
        Self {
            stream,
            codec,
            read: BytesMut::new(),
            rest: Rest::Nothing,
            expected: false,
            bodies: 0,
            has_ended: false,
            most: 0,
        }
    }

    /// Reads what has come; how many bytes that is, and 0 at the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.has_ended {
            return Poll::Ready(Ok(0));
        }
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut come = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut come))?;
        self.read.extend_from_slice(come.filled());
        self.has_ended = come.filled().is_empty();
        self.most = self.most.max(self.read.len());
        Poll::Ready(Ok(come.filled().len()))
    }

    /// Lets the room go that more than `kept` bytes have taken, if none of them is left.
    pub(super) fn let_go(&mut self, kept: usize) {
        if self.read.is_empty() && self.most > kept {
            self.read = BytesMut::new();
            self.most = 0;
        }
    }

    /// Whether the client is gone, as far as can be seen without reading much of what it asks next. One that has said all
    /// it had to say may still listen. Whoever reads a body sees for itself.
    pub(super) fn has_vanished(&mut self, cx: &mut Context<'_>) -> bool {
        while self.rest == Rest::Nothing && !self.has_ended && self.read.len() < ROOM {
            match self.poll_fill(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return true,
                Poll::Pending => return false,
            }
        }
        false
    }

    /// The next piece of the body.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        loop {
            if let Some(chunk) = self.take_chunk().transpose() {
                return Poll::Ready(Some(chunk));
            }
            match self.rest {
                Rest::Nothing | Rest::Raw(0) => return Poll::Ready(None),
                Rest::Broken => return Poll::Ready(Some(Err(PayloadError::Incomplete(None)))),
                Rest::Chunks | Rest::Bytes(_) | Rest::Raw(_) => {}
            }
            if std::mem::take(&mut self.expected) {
                self.stream.ask_for_more(cx);
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => self.rest = Rest::Broken,
                Ok(_) => {}
                Err(error) => {
                    self.rest = Rest::Broken;
                    return Poll::Ready(Some(Err(PayloadError::Incomplete(Some(error)))));
                }
            }
        }
    }

    /// What has come of it.
    fn take_chunk(&mut self) -> Result<Option<Bytes>, PayloadError> {
        if matches!(self.rest, Rest::Nothing | Rest::Raw(0) | Rest::Broken) {
            return Ok(None);
        }
        match self.codec.decode(&mut self.read) {
            Ok(Some(Message::Chunk(Some(mut chunk)))) => {
                if let Rest::Bytes(left) | Rest::Raw(left) = &mut self.rest {
                    chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= u64::try_from(chunk.len()).unwrap_or(*left);
                }
                Ok(Some(chunk))
            }
            Ok(Some(_)) => {
                self.rest = Rest::Nothing;
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(_) => {
                self.rest = Rest::Broken;
                Err(PayloadError::EncodingCorrupted)
            }
        }
    }

    /// Whether another request can be read behind the body, of which nothing more is wanted.
    pub(super) fn can_go_on(&mut self) -> bool {
        while let Ok(Some(_)) = self.take_chunk() {}
        match self.rest {
            Rest::Nothing => true,
            // Who waits to be asked for it may send it or not.
            Rest::Bytes(left) => left <= UNWANTED && !self.expected,
            Rest::Chunks | Rest::Raw(_) | Rest::Broken => false,
        }
    }
}

/// The body of one request, for the application.
pub(super) struct Body {
    wire: Rc<RefCell<Wire>>,
    /// Which body it is: one that was kept for longer than its request is not to read the next one's.
    number: u64,
}

impl Body {
    pub(super) fn of(wire: &Rc<RefCell<Wire>>, this: &mut Wire) -> Payload {
        this.bodies += 1;
        Payload::Stream { payload: Box::pin(Self { wire: wire.clone(), number: this.bodies }) }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut wire = self.wire.borrow_mut();
        if wire.bodies != self.number {
            return Poll::Ready(Some(Err(PayloadError::Incomplete(None))));
        }
        wire.poll_chunk(cx)
    }
}
