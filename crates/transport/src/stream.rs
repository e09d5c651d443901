//! The socket of a connection, which notes what is read and written.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::{
    connection::{Close, Connection},
    http2_frames::{FrameScanner, MAX_STREAM_ID, goaway},
};

/// The way to a client.
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// Whether unread bytes have arrived, as the system itself says. The runtime may not have noticed yet: it looks at sockets
/// when this thread has nothing else to do, and the thread has to wait for its turn on a busy machine.
pub(crate) fn has_unread(socket: &TcpStream) -> bool {
    SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|unread| unread > 0)
}

/// Calls the same method of whichever it is.
macro_rules! either {
    ($socket:expr, $io:ident => $call:expr) => {
        match $socket {
            Socket::Plain($io) => {
                let $io = Pin::new($io);
                $call
            }
            Socket::Tls($io) => {
                let $io = Pin::new($io.as_mut());
                $call
            }
        }
    };
}

/// A stream that tells its connection what is read and written, and ends when the connection is to be closed.
pub(crate) struct MonitoredStream {
    socket: Socket,
    connection: Rc<Connection>,
    /// How far the client is in the frames of HTTP/2, if that is spoken.
    frames: Option<FrameScanner>,
    /// A GOAWAY frame that is still to be written.
    goaway: Vec<u8>,
}

impl MonitoredStream {
    pub(crate) fn new(socket: Socket, connection: Rc<Connection>) -> Self {
        let frames = connection.is_multiplexed().then(FrameScanner::default);
        Self { socket, connection, frames, goaway: Vec::new() }
    }

    pub(crate) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    fn poll_write_goaway(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.goaway.is_empty() {
            let written = ready!(either!(&mut self.socket, io => io.poll_write(cx, &self.goaway)))?;
            self.goaway.drain(..written.min(self.goaway.len()));
        }
        Poll::Ready(Ok(()))
    }

    /// Tells an HTTP/2 client which of its streams was the last one that was answered.
    fn send_final_goaway(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(frames) = &self.frames {
            self.goaway.extend(goaway(frames.last_stream()));
            // A client that cannot take these few bytes at once is not waited for.
            if self.poll_write_goaway(cx)?.is_ready() {
                let _ = either!(&mut self.socket, io => io.poll_flush(cx))?;
            }
        }
        Ok(())
    }

    /// Reads what nobody needs, until the client has sent everything or the connection is to be closed.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unread = [MaybeUninit::uninit(); 4_096];
        loop {
            let mut unread = ReadBuf::uninit(&mut unread);
            match either!(&mut self.socket, io => io.poll_read(cx, &mut unread)) {
                Poll::Ready(Ok(())) if !unread.filled().is_empty() && self.connection.close_requested().is_none() => {}
                Poll::Pending if self.connection.close_requested().is_none() => {
                    self.connection.register(cx.waker());
                    return Poll::Pending;
                }
                _ => return Poll::Ready(Ok(())),
            }
        }
    }

    fn record_write<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.connection.record_write(outcome.is_pending());
        if outcome.is_pending() && self.connection.close_requested() == Some(Close::Unread) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        outcome
    }

    fn record_read(&mut self, read: &[u8]) {
        if !read.is_empty() {
            self.connection.record_read();
        }
        if let Some(frames) = &mut self.frames {
            let has_ended = frames.scan(read);
            self.connection.record_frames(has_ended, frames.is_whole());
        }
    }

    /// Nothing has come: whether the stream has to end here, as if the client had hung up.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.register(cx.waker());
        match self.connection.close_requested() {
            None => Poll::Pending,
            Some(Close::Unread) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            // Its end is near, and what is not written whole would be cut off.
            Some(_) if self.connection.is_busy() || self.connection.is_blocked() => Poll::Pending,
            Some(Close::Idle) if !self.connection.is_last() && has_unread(self.socket.tcp()) => {
                self.connection.keep_open();
                Poll::Pending
            }
            Some(Close::Idle | Close::HeadTimeout) => Poll::Ready(self.send_final_goaway(cx)),
        }
    }
}

impl AsyncRead for MonitoredStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match either!(&mut this.socket, io => io.poll_read(cx, buf)) {
            Poll::Ready(Ok(())) => {
                this.record_read(buf.filled().get(before..).unwrap_or_default());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_close(cx),
        }
    }
}

impl AsyncWrite for MonitoredStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match this.poll_write_goaway(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.socket, io => io.poll_write(cx, buf)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        this.record_write(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match this.poll_write_goaway(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.socket, io => io.poll_write_vectored(cx, bufs)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        this.record_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Plain(io) => io.is_write_vectored(),
            Socket::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Only here is what was written before made of whole frames.
        if this.connection.take_goaway_request() {
            this.goaway.extend(goaway(MAX_STREAM_ID));
        }
        let flushed = match this.poll_write_goaway(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.socket, io => io.poll_flush(cx)),
            other => other,
        };
        this.record_write(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = match this.poll_write_goaway(cx) {
            Poll::Ready(Ok(())) => either!(&mut this.socket, io => io.poll_shutdown(cx)),
            other => other,
        };
        this.record_write(shut)
    }
}
