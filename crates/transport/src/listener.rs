//! The listening socket.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// The maximum number of connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 4_096;
/// How long to wait before the next attempt when the system has no more sockets.
const EXHAUSTED_INTERVAL: Duration = Duration::from_millis(100);

/// A listening socket.
pub(crate) struct Listener {
    listener: TcpListener,
    has_logged_error: AtomicBool,
}

impl Listener {
    pub(crate) fn new(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // The standard library uses 128, which many clients exceed while a worker is busy.
        SockRef::from(&listener).listen(BACKLOG)?;
        Ok(Self { listener: TcpListener::from_std(listener)?, has_logged_error: AtomicBool::new(false) })
    }

    /// Accepts the next connection. Retries after any error.
    pub(crate) async fn accept(&self) -> (StdStream, SocketAddr) {
        loop {
            match self.listener.accept().await.and_then(without_runtime) {
                Ok(connection) => {
                    self.has_logged_error.store(false, Ordering::Relaxed);
                    return connection;
                }
                // The client disconnected before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !self.has_logged_error.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "no connection can be accepted; retrying");
                    }
                    sleep(EXHAUSTED_INTERVAL).await;
                }
            }
        }
    }

    /// Accepts a connection from the backlog with a direct system call: during a stop, the runtime may not have noticed
    /// it yet because this thread had no CPU time.
    pub(crate) fn accept_waiting(&self) -> Option<(StdStream, SocketAddr)> {
        let (socket, peer) = SockRef::from(&self.listener).accept().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some((socket.into(), peer.as_socket()?))
    }

    /// Refuses connections whose handshake has not begun. Closing the listener would reset connections that are being
    /// opened, although their clients may have sent a request. Only Linux supports this.
    #[cfg(target_os = "linux")]
    pub(crate) fn refuse_new(&self) {
        if let Err(error) = SockRef::from(&self.listener).attach_filter(&linux::NO_SYN) {
            tracing::debug!(%error, "the listener accepts no filter; connections that are being opened may be reset");
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, reason = "the same as on Linux")]
    pub(crate) fn refuse_new(&self) {}
}

#[cfg(target_os = "linux")]
mod linux {
    use socket2::SockFilter;

    /// Drops the first packet of every TCP handshake and passes all others: there are no new connections, and
    /// handshakes that have begun are completed.
    pub(super) static NO_SYN: [SockFilter; 5] = [
        SockFilter::new(0x30, 0, 0, 13),       // Load the TCP flags:
        SockFilter::new(0x54, 0, 0, 0x12),     // of SYN and ACK
        SockFilter::new(0x15, 0, 1, 0x02),     // only SYN
        SockFilter::new(0x06, 0, 0, 0),        // is dropped,
        SockFilter::new(0x06, 0, 0, u32::MAX), // and all else is not.
    ];
}

/// Removes a connection from this runtime, for another one.
fn without_runtime((stream, peer): (TcpStream, SocketAddr)) -> io::Result<(StdStream, SocketAddr)> {
    Ok((stream.into_std()?, peer))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn waiting_connections_are_found_before_the_runtime_notices_them() {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener::new(listener).unwrap();
        let clients = [(); 2].map(|()| StdStream::connect(address).unwrap());
        assert!(listener.accept().now_or_never().is_none(), "the runtime has not looked at the sockets yet");
        for client in &clients {
            assert_eq!(listener.accept_waiting().unwrap().1, client.local_addr().unwrap());
        }
        assert!(listener.accept_waiting().is_none());
    }
}
