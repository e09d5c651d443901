//! The socket of a connection, with monitoring of reads and writes.

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

/// The socket of a client.
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

/// Returns whether unread bytes have arrived, with a direct system call. The runtime may not have noticed them yet: it
/// checks sockets when this thread has nothing else to do, and on a busy machine the thread has to wait for CPU time.
pub(crate) fn has_unread(socket: &TcpStream) -> bool {
    SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|unread| unread > 0)
}

/// Calls a method of either kind of socket.
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

/// A stream that records reads and writes in its connection, and ends when the connection has to be closed.
pub(crate) struct MonitoredStream {
    socket: Socket,
    connection: Rc<Connection>,
    /// The state of the client's frames, on HTTP/2.
    frames: Option<FrameScanner>,
    /// A GOAWAY frame that has to be written still.
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

    /// Sends an HTTP/2 client the ID of its last processed stream.
    fn send_final_goaway(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(frames) = &self.frames {
            self.goaway.extend(goaway(frames.last_stream()));
            // Does not wait for a client that cannot receive these few bytes immediately.
            if self.poll_write_goaway(cx)?.is_ready() {
                let _ = either!(&mut self.socket, io => io.poll_flush(cx))?;
            }
        }
        Ok(())
    }

    /// Reads and discards until the client has closed its side or the connection has to be closed.
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

    /// No bytes are available: returns whether the stream has to end here, as at an end of file from the client.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.register(cx.waker());
        match self.connection.close_requested() {
            None => Poll::Pending,
            Some(Close::Unread) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            // The response is not complete yet, and would be cut off.
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
        // Only here do the bytes written before consist of complete frames.
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
