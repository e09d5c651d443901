//! Where connections come in.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use socket2::{SockFilter, SockRef};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::sleep,
};

/// How many connections may wait to be let in; the system may allow fewer.
const BACKLOG: i32 = 4_096;
/// How long to wait with the next one when the system has no more sockets.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Drops the first packet of every handshake, and lets all others through: with it, no new connection comes in, and
/// those that have begun are completed.
static NO_NEW_ONES: [SockFilter; 5] = [
    SockFilter::new(0x30, 0, 0, 13),       // Load the TCP flags:
    SockFilter::new(0x54, 0, 0, 0x12),     // of SYN and ACK
    SockFilter::new(0x15, 0, 1, 0x02),     // only SYN
    SockFilter::new(0x06, 0, 0, 0),        // is dropped,
    SockFilter::new(0x06, 0, 0, u32::MAX), // and all else is not.
];

/// A listener.
pub(super) struct Door {
    listener: TcpListener,
    complained: AtomicBool,
}

impl Door {
    pub(super) fn new(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        // The standard library asks for 128, which a crowd fills while a worker is busy.
        SockRef::from(&listener).listen(BACKLOG)?;
        Ok(Self { listener: TcpListener::from_std(listener)?, complained: AtomicBool::new(false) })
    }

    /// The next connection. Whatever keeps the system from giving one, it is asked again.
    pub(super) async fn next(&self) -> (StdStream, SocketAddr) {
        loop {
            match self.listener.accept().await.and_then(of_nobody) {
                Ok(connection) => {
                    self.complained.store(false, Ordering::Relaxed);
                    return connection;
                }
                // Its client hung up before it was let in.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if !self.complained.swap(true, Ordering::Relaxed) {
                        tracing::error!(%error, "no connection can be accepted; trying on");
                    }
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }

    /// Whoever waits to be let in, as the system itself says: after a stop there is nobody to tell the runtime later of
    /// those whom it has not noticed yet, because this thread had to wait for its turn.
    pub(super) fn waiting(&self) -> Option<(StdStream, SocketAddr)> {
        let (socket, peer) = SockRef::from(&self.listener).accept().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some((socket.into(), peer.as_socket()?))
    }

    /// Lets nobody in any more but those who are on the threshold. Closing alone would turn them away, although they
    /// were greeted and may have sent a request.
    pub(super) fn shut(&self) {
        if let Err(error) = SockRef::from(&self.listener).attach_filter(&NO_NEW_ONES) {
            tracing::debug!(%error, "the listener takes no filter; a connection that is just coming may be turned away");
        }
    }
}

/// Takes a connection from this runtime, for another one.
fn of_nobody((stream, peer): (TcpStream, SocketAddr)) -> io::Result<(StdStream, SocketAddr)> {
    Ok((stream.into_std()?, peer))
}

/// How many connections there are, and how many there may be.
pub(super) struct Crowd {
    most: usize,
    inside: AtomicUsize,
    left: Notify,
}

impl Crowd {
    pub(super) fn new(most: usize) -> Self {
        Self { most, inside: AtomicUsize::new(0), left: Notify::new() }
    }

    pub(super) fn enter(&self) {
        self.inside.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::Relaxed);
        self.left.notify_one();
    }

    pub(super) fn is_full(&self) -> bool {
        self.inside.load(Ordering::Relaxed) >= self.most
    }

    /// Waits until somebody has left since this was called last.
    pub(super) async fn someone_left(&self) {
        self.left.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_waits_is_found_although_the_runtime_has_not_noticed() {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let door = Door::new(listener).unwrap();
        let clients = [(); 2].map(|()| StdStream::connect(address).unwrap());
        assert!(door.next().now_or_never().is_none(), "nothing here has been let to look at the sockets");
        for client in &clients {
            assert_eq!(door.waiting().unwrap().1, client.local_addr().unwrap());
        }
        assert!(door.waiting().is_none());
    }
}
