//! The socket, with an eye on both directions.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    connection::{Connection, End},
    frames::Frames,
    refusal,
};
use crate::HttpState;

/// What tells an HTTP/2 client to open no more streams here, and to go on with those it has: a GOAWAY frame with the
/// highest stream there can be (RFC 9113 6.8). h2 would soon send another one with the last stream that it has seen, and
/// clients that had just sent a request think it lost.
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What asks a client for the body that it holds back (RFC 9110 15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The way to a client.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// Whether something has come that nobody has read, as the system itself says. The runtime may not have noticed yet: it
/// looks at sockets when this thread has nothing else to do, and the thread has to wait for its turn on a busy machine.
pub(super) fn has_come(socket: &TcpStream) -> bool {
    SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|come| come > 0)
}

/// Calls the same of whichever it is.
macro_rules! either {
    ($transport:expr, $io:ident => $call:expr) => {
        match $transport {
            Transport::Plain($io) => {
                let $io = Pin::new($io);
                $call
            }
            Transport::Tls($io) => {
                let $io = Pin::new($io.as_mut());
                $call
            }
        }
    };
}

/// A stream that tells its connection what is read and written, and ends as the connection says.
pub(super) struct Watched {
    io: Transport,
    connection: Rc<Connection>,
    state: Arc<HttpState>,
    /// What has come of HTTP/2, if that is spoken.
    frames: Option<Frames>,
    /// What is still to be written of [`GOAWAY`] or [`CONTINUE`], if some of it is.
    aside: &'static [u8],
    /// What is still to be written of the refusal of a slow head.
    refusal: Vec<u8>,
}

impl Watched {
    pub(super) fn new(io: Transport, connection: Rc<Connection>, state: Arc<HttpState>) -> Self {
        let frames = connection.is_multiplexed().then(Frames::default);
        Self { io, connection, state, frames, aside: &[], refusal: Vec::new() }
    }

    pub(super) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    pub(super) fn state(&self) -> &HttpState {
        &self.state
    }

    /// Asks a client of HTTP/1 for the body that it holds back.
    pub(super) fn ask_for_more(&mut self, cx: &mut Context<'_>) {
        self.aside = CONTINUE;
        // What cannot be written at once is written before anything else, and who is gone is missed when it is read on.
        let _ = self.poll_own(cx);
    }

    /// Writes what was said by the way, all of it before anything else.
    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.aside.is_empty() {
            let written = ready!(either!(&mut self.io, io => io.poll_write(cx, self.aside)))?;
            self.aside = self.aside.get(written..).unwrap_or_default();
        }
        while !self.refusal.is_empty() {
            let written = ready!(either!(&mut self.io, io => io.poll_write(cx, &self.refusal)))?;
            self.refusal.drain(..written.min(self.refusal.len()));
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what nobody needs, until the client has said all it had to say or is not waited for any more.
    pub(super) fn poll_hear_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unread = [MaybeUninit::uninit(); 4_096];
        loop {
            let mut unread = ReadBuf::uninit(&mut unread);
            match either!(&mut self.io, io => io.poll_read(cx, &mut unread)) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() && self.connection.ending().is_none() => {}
                Poll::Pending if self.connection.ending().is_none() => {
                    self.connection.park(cx.waker());
                    return Poll::Pending;
                }
                _ => return Poll::Ready(Ok(())),
            }
        }
    }

    fn note<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.connection.wrote(outcome.is_pending());
        if outcome.is_pending() && self.connection.ending() == Some(End::Cut) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        outcome
    }
}

impl AsyncRead for Watched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match either!(&mut this.io, io => io.poll_read(cx, buf)) {
            Poll::Ready(Ok(())) => {
                let read = buf.filled().get(before..).unwrap_or_default();
                if !read.is_empty() {
                    this.connection.read();
                }
                if let Some(frames) = &mut this.frames {
                    let ended = frames.read(read);
                    this.connection.read_frames(ended, frames.is_whole());
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                this.connection.park(cx.waker());
                match this.connection.ending() {
                    Some(End::Cut) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    Some(_) if this.connection.is_busy() => return Poll::Pending,
                    Some(End::Quietly) if !this.connection.is_last() && has_come(this.io.socket()) => {
                        this.connection.stay();
                        return Poll::Pending;
                    }
                    Some(End::Slow) if this.refusal.is_empty() => {
                        // Whoever cannot take these few bytes at once is not worth waiting for.
                        this.refusal = refusal::slow_head(&this.state);
                        let _ = this.poll_own(cx)?;
                    }
                    Some(End::Slow | End::Quietly) => {}
                    None => return Poll::Pending,
                }
                // As if the client had hung up.
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match this.poll_own(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.io, io => io.poll_write(cx, buf)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        this.note(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Only here is what was written before made of whole frames.
        if this.connection.take_goodbye() {
            this.aside = &GOAWAY;
        }
        let flushed = match this.poll_own(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.io, io => io.poll_flush(cx)),
            other => other,
        };
        this.note(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = match this.poll_own(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.io, io => io.poll_shutdown(cx)),
            other => other,
        };
        this.note(shut)
    }
}
