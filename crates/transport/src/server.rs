//! The server.

use std::{
    fmt::Debug,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::{Request, Response, body::BoxBody};
use actix_service::ServiceFactory;
use tokio::{
    select,
    time::{timeout, timeout_at},
};

use crate::{
    Certificates, Settings, Stopping,
    connection_limit::ConnectionLimit,
    listener::Listener,
    tls::Handshakes,
    worker::{Shared, Worker},
};

/// How long TCP handshakes that have begun are awaited when the server stops.
const TCP_HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(100);
/// The interval between evictions while the limit is reached.
const EVICTION_INTERVAL: Duration = Duration::from_millis(100);

/// A server that is ready to accept connections.
pub struct Server {
    listener: Listener,
    workers: Vec<Worker>,
    limit: Arc<ConnectionLimit>,
    settings: Settings,
    stopping: Stopping,
}

impl Server {
    /// Starts the workers, with a service that `app` creates for each. Has to be called in the runtime that
    /// [`run`](Self::run) runs in.
    ///
    /// # Errors
    /// Errors of the listener, of threads, or of the creation of a service.
    pub fn start<F, A>(listener: TcpListener, settings: Settings, app: F) -> io::Result<Self>
    where
        F: Fn() -> A + Clone + Send + 'static,
        A: ServiceFactory<Request, Config = ()> + 'static,
        A::Response: Into<Response<BoxBody>>,
        A::Error: Into<Response<BoxBody>>,
        A::InitError: Debug,
        A::Service: 'static,
    {
        let listener = Listener::new(listener)?;
        let limit = Arc::new(ConnectionLimit::new(settings.max_connections.max(1)));
        let handshakes = settings.certificates.as_ref().map(Handshakes::new).transpose()?;
        let stopping = Stopping::default();
        let shared =
            Shared { settings: settings.clone(), handshakes, limit: limit.clone(), stopping: stopping.clone() };
        let count = settings.workers.max(1);
        let workers =
            (0..count).map(|_| Worker::start(shared.clone(), count, app.clone())).collect::<io::Result<_>>()?;
        Ok(Self { listener, workers, limit, settings, stopping })
    }

    /// Returns a handle that tells the application about a stop.
    pub fn stopping(&self) -> Stopping {
        self.stopping.clone()
    }

    /// Serves until `stop` returns. Then returns when every request is answered and every connection closed, or after
    /// [`shutdown_timeout`](Settings::shutdown_timeout).
    ///
    /// After `stop`, every response closes its connection. During [`shutdown_grace`](Settings::shutdown_grace)
    /// everything else stays the same. Then no more connections are accepted, silent ones are closed, and requests that
    /// have begun are answered.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let deadline = self.serve_until(stop).await;
        while let Some((stream, peer)) = self.listener.accept_waiting() {
            self.assign(stream, peer);
        }
        self.each(|worker| worker.finish(deadline));
        let Self { listener, workers, .. } = self;
        drop(listener);
        tokio::task::spawn_blocking(|| workers.into_iter().for_each(Worker::join)).await.ok();
    }

    /// Returns when the listener may be closed, with the deadline of the stop.
    async fn serve_until(&self, stop: impl Future<Output = ()>) -> Instant {
        let mut watching = pin!(watch(self.settings.certificates.clone()));
        let mut accepting = pin!(self.accept());
        select! {
            () = &mut accepting => {}
            () = &mut watching => {}
            () = stop => {}
        }
        let deadline = Instant::now() + self.settings.shutdown_timeout;
        let grace = deadline.min(Instant::now() + self.settings.shutdown_grace);
        self.stopping.begin();
        self.each(Worker::send_goaway);
        timeout_at(grace.into(), &mut accepting).await.ok();
        self.listener.refuse_new();
        timeout_at(deadline.min(Instant::now() + TCP_HANDSHAKE_TIMEOUT).into(), &mut accepting).await.ok();
        deadline
    }

    fn each(&self, act: impl Fn(&Worker)) {
        self.workers.iter().for_each(act);
    }

    /// Assigns each connection to the worker with the fewest. Never returns.
    async fn accept(&self) {
        loop {
            let (stream, peer) = self.listener.accept().await;
            while self.limit.is_reached() {
                self.each(Worker::make_room);
                // A connection may have become idle meanwhile.
                timeout(EVICTION_INTERVAL, self.limit.one_closed()).await.ok();
            }
            self.assign(stream, peer);
        }
    }

    fn assign(&self, stream: TcpStream, peer: SocketAddr) {
        if let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load()) {
            self.limit.opened();
            worker.serve(stream, peer);
        }
    }
}

/// Reloads certificates, if there are any. Never returns.
async fn watch(certificates: Option<Arc<Certificates>>) {
    match certificates {
        Some(certificates) => certificates.watch().await,
        None => std::future::pending().await,
    }
}
