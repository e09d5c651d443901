//! Listening, and serving what comes in until it is time to stop.
//!
//! actix-web answers requests; its server is not used. It would close what is in the listener's backlog when it stops,
//! and knows one time-out for the first head of a connection and none for the second. Of HTTP/1 it reads the requests
//! ([`http1`] says why it does not write the answers), and HTTP/2 is spoken by h2 itself, of whose limits it sets few.

mod clock;
mod connection;
mod door;
mod frames;
pub(crate) mod http1;
mod http2;
mod refusal;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod worker;

use std::{
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    pin, select,
    time::{timeout, timeout_at},
};

pub use self::tls::{Certificates, TlsMistake};
use self::{
    door::{Crowd, Door},
    tls::Handshakes,
    worker::{Common, Worker},
};

use crate::HttpState;

/// How long a handshake that has begun may take to be completed when the server stops.
const THRESHOLD: Duration = Duration::from_millis(100);
/// How long to wait for a place before looking for one again.
const AGAIN: Duration = Duration::from_millis(100);

/// How a server listens.
pub struct Listening {
    /// Threads that serve; at least one.
    pub workers: usize,
    /// The most connections at a time. Where there are as many, the ones that have been idle for longest make room.
    pub connections: usize,
    /// With these, clients come through TLS.
    pub certificates: Option<Arc<Certificates>>,
}

/// A server that is ready to let clients in.
pub struct Server {
    door: Door,
    workers: Vec<Worker>,
    crowd: Arc<Crowd>,
    certificates: Option<Arc<Certificates>>,
    state: Arc<HttpState>,
}

impl Server {
    /// Makes everything ready on a listener that is bound. To be called in a runtime, the one that [`run`](Self::run)
    /// runs in.
    ///
    /// # Errors
    /// What the system says of the listener or of threads.
    pub fn start(listener: TcpListener, state: Arc<HttpState>, listening: Listening) -> io::Result<Self> {
        let door = Door::new(listener)?;
        let crowd = Arc::new(Crowd::new(listening.connections.max(1)));
        let handshakes = listening.certificates.as_ref().map(Handshakes::new).transpose()?;
        let common = Common { state: state.clone(), handshakes, crowd: crowd.clone() };
        let count = listening.workers.max(1);
        let workers = (0..count).map(|_| Worker::start(common.clone(), count)).collect::<io::Result<_>>()?;
        Ok(Self { door, workers, crowd, certificates: listening.certificates, state })
    }

    /// Serves until `stop` comes; returns when all that was asked is answered and every connection is closed, or when
    /// [`shutdown_timeout`](crate::HttpSettings::shutdown_timeout) is over.
    ///
    /// From `stop` on the server is not ready, and every answer is its connection's last. For
    /// [`shutdown_grace`](crate::HttpSettings::shutdown_grace) everything else stays as it is, so that whoever watches
    /// its readiness sends its requests elsewhere. Then nobody new is let in, what is silent is closed, and what was
    /// begun is finished.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let deadline = self.serve_until(stop).await;
        while let Some((stream, peer)) = self.door.waiting() {
            self.admit(stream, peer);
        }
        self.each(|worker| worker.finish(deadline));
        let Self { door, workers, .. } = self;
        drop(door);
        tokio::task::spawn_blocking(|| workers.into_iter().for_each(Worker::join)).await.ok();
    }

    /// Returns when the listener may be closed, and when everything has to be over.
    async fn serve_until(&self, stop: impl Future<Output = ()>) -> Instant {
        let watching = watch(self.certificates.clone());
        let letting_in = self.let_in();
        pin!(watching, letting_in);
        select! {
            () = &mut letting_in => {}
            () = &mut watching => {}
            () = stop => {}
        }
        let settings = &self.state.settings;
        let deadline = Instant::now() + settings.shutdown_timeout;
        let grace = deadline.min(Instant::now() + settings.shutdown_grace);
        self.state.stop();
        self.each(Worker::say_goodbye);
        timeout_at(grace.into(), &mut letting_in).await.ok();
        self.door.shut();
        timeout_at(deadline.min(Instant::now() + THRESHOLD).into(), &mut letting_in).await.ok();
        deadline
    }

    fn each(&self, act: impl Fn(&Worker)) {
        self.workers.iter().for_each(act);
    }

    /// Gives each connection to the worker that has fewest. Never ends.
    async fn let_in(&self) {
        loop {
            let (stream, peer) = self.door.next().await;
            while self.crowd.is_full() {
                self.each(Worker::make_room);
                // Somebody may have become idle meanwhile.
                timeout(AGAIN, self.crowd.someone_left()).await.ok();
            }
            self.admit(stream, peer);
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        if let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load()) {
            self.crowd.enter();
            worker.serve(stream, peer);
        }
    }
}

/// Looks after certificates, if there are any. Never ends.
async fn watch(certificates: Option<Arc<Certificates>>) {
    match certificates {
        Some(certificates) => certificates.watch().await,
        None => std::future::pending().await,
    }
}
