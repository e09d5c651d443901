//! Input of a client, split into heads and bodies for hyper.
//!
//! hyper gets a head only after it is complete and checked, and no byte after it before hyper has determined the length
//! of the body. So hyper alone decides where bodies end, and every head is checked.

use std::{
    cell::RefCell,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    chunks::{ChunkScanner, Progress},
    head::{self, HeadScanner},
};
use crate::{connection::Close, refusal::Refusal, stream::MonitoredStream};

/// The size of a read.
const READ_SIZE: usize = 16 << 10;
/// The maximum buffer of an idle connection.
const MAX_IDLE_BUFFER: usize = 4 << 10;

/// The expected input.
#[derive(Debug)]
enum Next {
    Head(HeadScanner),
    /// The rest of a complete head. What follows is not known until hyper has read it.
    RestOfHead(usize),
    /// A body with so many remaining bytes.
    Sized(u64),
    Chunks(ChunkScanner),
    /// Nothing more is read.
    Nothing,
    /// Data of another protocol.
    Upgraded,
}

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Sized(u64),
    Chunked,
}

/// A connection and its input buffer.
pub(super) struct Wire {
    stream: MonitoredStream,
    /// Bytes that hyper has not read yet.
    ahead: BytesMut,
    next: Next,
    /// Whether the client has closed its side.
    has_ended: bool,
    refusal: Option<Refusal>,
}

impl Wire {
    pub(super) fn new(stream: MonitoredStream) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
            next: Next::Head(HeadScanner::default()),
            has_ended: false,
            refusal: None,
        }
    }

    pub(super) fn stream(&mut self) -> &mut MonitoredStream {
        &mut self.stream
    }

    /// Called when hyper has read a head.
    pub(super) fn begin_body(&mut self, framing: Framing) {
        self.next = match framing {
            Framing::Sized(0) => Next::Head(HeadScanner::default()),
            Framing::Sized(length) => Next::Sized(length),
            Framing::Chunked => Next::Chunks(ChunkScanner::new()),
        };
    }

    /// Switches to another protocol.
    pub(super) fn upgrade(&mut self) {
        self.next = Next::Upgraded;
    }

    /// Returns the refusal that has to be sent, if there is one.
    pub(super) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// Reads available bytes; 0 at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.has_ended {
            return Poll::Ready(Ok(0));
        }
        let mut buffer = [MaybeUninit::uninit(); READ_SIZE];
        let mut read = ReadBuf::uninit(&mut buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        self.ahead.extend_from_slice(read.filled());
        self.has_ended = read.filled().is_empty();
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Returns whether the client has disconnected, as far as a limited read shows. A client that has closed only its
    /// side may still read.
    pub(super) fn has_vanished(&mut self, cx: &mut Context<'_>) -> bool {
        while matches!(self.next, Next::Head(_)) && !self.has_ended && self.ahead.len() < READ_SIZE {
            match self.poll_fill(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return true,
                Poll::Pending => return false,
            }
        }
        false
    }

    /// Returns whether bytes were read that hyper has not requested.
    pub(super) fn has_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Reads for hyper. After a refusal, it returns an end of file.
    fn poll_read_for_hyper(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.ready_bytes() {
                Some(0) => {
                    // Pending responses have to be sent first, because hyper ends here.
                    if self.stream.connection().is_blocked() {
                        return Poll::Pending;
                    }
                    return Poll::Ready(Ok(()));
                }
                Some(ready) => {
                    self.give(ready, out);
                    return Poll::Ready(Ok(()));
                }
                None => {}
            }
            if self.has_ended {
                return Poll::Ready(Ok(()));
            }
            if self.ahead.is_empty() && self.ahead.capacity() > MAX_IDLE_BUFFER {
                self.ahead = BytesMut::new();
            }
            if ready!(self.poll_fill(cx))? == 0 && self.is_slow() {
                self.refuse(Refusal::HeadTimeout);
            }
        }
    }

    /// Returns whether the head took too long.
    fn is_slow(&self) -> bool {
        matches!(self.next, Next::Head(_)) && self.stream.connection().close_requested() == Some(Close::HeadTimeout)
    }

    /// Returns how many buffered bytes hyper may read; 0 if it gets no more, `None` if more have to arrive.
    fn ready_bytes(&mut self) -> Option<usize> {
        if let Next::Head(scanner) = &mut self.next {
            // hyper would skip empty lines too (RFC 9112 2.2).
            let empty = self.ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if empty > 0 && scanner.is_new() {
                self.ahead.advance(empty);
            }
            if self.ahead.is_empty() {
                return None;
            }
            let end = match scanner.scan(&self.ahead) {
                Ok(Some(end)) => end,
                Ok(None) => {
                    // These bytes may have arrived with the previous request.
                    self.stream.connection().record_read();
                    return None;
                }
                Err(refusal) => return Some(self.refuse(refusal)),
            };
            if let Some(Err(refusal)) = self.ahead.get_mut(..end).map(head::prepare) {
                return Some(self.refuse(refusal));
            }
            self.next = Next::RestOfHead(end);
        }
        match &self.next {
            Next::RestOfHead(rest) => Some(*rest),
            Next::Nothing | Next::Upgraded => Some(0),
            _ if self.ahead.is_empty() => None,
            Next::Sized(left) => Some(usize::try_from(*left).unwrap_or(usize::MAX)),
            Next::Head(_) | Next::Chunks(_) => Some(usize::MAX),
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> usize {
        self.refusal = Some(refusal);
        self.next = Next::Nothing;
        self.ahead.clear();
        0
    }

    /// Copies up to `ready` bytes for hyper.
    fn give(&mut self, ready: usize, out: &mut ReadBuf<'_>) {
        let mut count = ready.min(out.remaining()).min(self.ahead.len());
        match &mut self.next {
            Next::RestOfHead(rest) => *rest -= count,
            Next::Sized(left) => {
                *left -= u64::try_from(count).unwrap_or(*left);
                if *left == 0 {
                    self.next = Next::Head(HeadScanner::default());
                }
            }
            Next::Chunks(scanner) => match scanner.scan(self.ahead.get(..count).unwrap_or_default()) {
                Progress::More => {}
                Progress::Ended(end) => {
                    count = end;
                    self.next = Next::Head(HeadScanner::default());
                }
                Progress::Malformed(good) => {
                    count = good;
                    self.next = Next::Nothing;
                }
            },
            Next::Head(_) | Next::Nothing | Next::Upgraded => {}
        }
        out.put_slice(self.ahead.get(..count).unwrap_or_default());
        self.ahead.advance(count);
    }

    /// Reads data of another protocol.
    pub(super) fn poll_read_upgraded(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.ahead.is_empty() {
            match ready!(self.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(None),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(Some(Ok(self.ahead.split().freeze())))
    }
}

/// The wire as hyper's transport.
pub(super) struct HyperIo(pub(super) Rc<RefCell<Wire>>);

impl AsyncRead for HyperIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_read_for_hyper(cx, buf)
    }
}

impl AsyncWrite for HyperIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_flush(cx)
    }

    /// Only flushes: after hyper has ended, a refusal may have to be sent.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
