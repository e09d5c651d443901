//! HTTP/1, with hyper.

mod chunks;
mod exchange;
mod head;
mod upgrade;
mod wire;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
};

use hyper::server::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;

use self::{
    exchange::{Exchange, HyperService},
    wire::{HyperIo, Wire},
};
use crate::{Stopping, application::Application, stream::MonitoredStream};

/// The maximum buffer of hyper for a head; longer heads never reach it.
const MAX_BUFFER: usize = 2 * head::MAX_HEAD;

/// Serves a connection until it is closed.
pub(crate) async fn serve(stream: MonitoredStream, app: &Application, peer: SocketAddr, stopping: &Stopping) {
    let wire = Rc::new(RefCell::new(Wire::new(stream)));
    let exchange = Rc::new(Exchange::new(wire.clone(), app.clone(), peer, stopping.clone()));
    if let Err(error) = drive(&wire, &exchange).await {
        tracing::debug!(%error, "a connection failed");
    }
}

async fn drive(wire: &Rc<RefCell<Wire>>, exchange: &Rc<Exchange>) -> io::Result<()> {
    let hyper = Builder::new()
        .half_close(true)
        .header_read_timeout(None)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(HyperIo(wire.clone())), HyperService(exchange.clone()));
    let mut hyper = pin!(hyper);
    let mut has_read_ahead = false;
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = hyper.as_mut().poll(cx) {
            return Poll::Ready(ended.map_err(io::Error::other));
        }
        poll_vanished(wire, cx, &mut has_read_ahead)
    });
    if let Err(error) = ended.await {
        // A refusal may have to be sent still.
        tracing::debug!(%error, "hyper ended a connection");
        if error.kind() == io::ErrorKind::ConnectionReset {
            return Err(error);
        }
    }
    if let Some(upgraded) = exchange.take_upgraded() {
        return upgrade::run(wire, upgraded).await;
    }
    finish(wire).await
}

/// Detects that a client has disconnected while its request is processed, which hyper does not.
fn poll_vanished(wire: &RefCell<Wire>, cx: &mut Context<'_>, has_read_ahead: &mut bool) -> Poll<io::Result<()>> {
    let mut wire = wire.borrow_mut();
    if wire.stream().connection().is_busy() {
        if wire.has_vanished(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        *has_read_ahead = wire.has_ahead();
    } else if std::mem::take(has_read_ahead) {
        // hyper may be waiting for the socket, but the bytes it would read are buffered here.
        cx.waker().wake_by_ref();
    }
    Poll::Pending
}

/// Sends a pending refusal, and reads for a moment: if the connection were closed with unread bytes, the system would
/// discard what was written.
async fn finish(wire: &RefCell<Wire>) -> io::Result<()> {
    let refusal = wire.borrow_mut().take_refusal();
    if let Some(refusal) = refusal {
        let date = wire.borrow_mut().stream().connection().date();
        write(wire, &refusal.http1(&date)).await?;
    }
    wire.borrow_mut().stream().connection().linger();
    poll_fn(|cx| Pin::new(wire.borrow_mut().stream()).poll_shutdown(cx)).await?;
    poll_fn(|cx| wire.borrow_mut().stream().poll_discard(cx)).await
}

async fn write(wire: &RefCell<Wire>, mut bytes: &[u8]) -> io::Result<()> {
    poll_fn(|cx| {
        let mut wire = wire.borrow_mut();
        while !bytes.is_empty() {
            let written = ready!(Pin::new(wire.stream()).poll_write(cx, bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Pin::new(wire.stream()).poll_flush(cx)
    })
    .await
}
