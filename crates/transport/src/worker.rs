//! A worker: a thread that serves connections.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt::Debug,
    future::poll_fn,
    io,
    net::{SocketAddr, TcpStream as StdStream},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Poll,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use actix_http::{Request, Response, body::BoxBody};
use actix_service::ServiceFactory;
use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{AbortHandle, spawn_local},
    time::{MissedTickBehavior, interval},
};

use crate::{
    Settings, Stopping,
    application::Application,
    connection::{Close, Connection},
    connection_limit::ConnectionLimit,
    http1, http2,
    stream::{MonitoredStream, Socket, has_unread},
    timeouts::Clock,
    tls::{Handshakes, Protocol},
};

/// The interval between checks of connections.
const TICK_INTERVAL: Duration = Duration::from_millis(250);
/// The interval during a stop, which has to be short.
const STOP_TICK_INTERVAL: Duration = Duration::from_millis(20);
/// The maximum number of connections that are evicted at once: finding them is expensive.
const MAX_EVICTED: usize = 64;
/// The maximum number of threads for blocking work, of all workers together.
const MAX_BLOCKING_THREADS: usize = 512;

/// A message to a worker.
enum Command {
    Serve(StdStream, SocketAddr),
    MakeRoom,
    SendGoaway,
    Finish(Instant),
}

/// The handle of a worker.
pub(crate) struct Worker {
    commands: UnboundedSender<Command>,
    load: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// The state that all workers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) handshakes: Option<Handshakes>,
    pub(crate) limit: Arc<ConnectionLimit>,
    pub(crate) stopping: Stopping,
}

impl Worker {
    /// Starts one of `count` workers, and waits until it is ready.
    pub(crate) fn start<F, A>(shared: Shared, count: usize, app: F) -> io::Result<Self>
    where
        F: Fn() -> A + Send + 'static,
        A: ServiceFactory<Request, Config = ()> + 'static,
        A::Response: Into<Response<BoxBody>>,
        A::Error: Into<Response<BoxBody>>,
        A::InitError: Debug,
        A::Service: 'static,
    {
        let (commands, received) = unbounded_channel();
        let (started, start) = mpsc::sync_channel(1);
        let load = Arc::new(AtomicUsize::new(0));
        let own_load = load.clone();
        let work = move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads((MAX_BLOCKING_THREADS / count.max(1)).max(1))
                .build_local(LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async move {
                match Application::new(app()).await {
                    Ok(app) => {
                        started.send(Ok(())).ok();
                        Rc::new(State::new(shared, app, own_load)).run(received).await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        };
        let thread = thread::Builder::new().name("http".into()).spawn(work)?;
        start.recv().map_err(|_| io::Error::other("a worker ended while it started"))??;
        Ok(Self { commands, load, thread })
    }

    /// Returns the number of its connections.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn serve(&self, stream: StdStream, peer: SocketAddr) {
        self.load.fetch_add(1, Ordering::Relaxed);
        self.send(Command::Serve(stream, peer));
    }

    /// Closes some of the connections that have been idle for longest, if there are any.
    pub(crate) fn make_room(&self) {
        self.send(Command::MakeRoom);
    }

    /// Asks HTTP/2 clients to open no more streams.
    pub(crate) fn send_goaway(&self) {
        self.send(Command::SendGoaway);
    }

    /// Answers the requests that have begun and ends. Cuts off the rest at `deadline`.
    pub(crate) fn finish(&self, deadline: Instant) {
        self.send(Command::Finish(deadline));
    }

    /// Waits until it has ended. Blocks.
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a worker panicked");
        }
    }

    fn send(&self, command: Command) {
        // This fails if the worker has panicked, which was logged.
        self.commands.send(command).ok();
    }
}

/// The state of a worker.
struct State {
    shared: Shared,
    app: Application,
    clock: Rc<Clock>,
    load: Arc<AtomicUsize>,
    connections: RefCell<HashMap<u64, (Rc<Connection>, AbortHandle)>>,
    next_id: Cell<u64>,
    /// When it was asked to finish.
    finishing: Cell<Option<Instant>>,
}

impl State {
    fn new(shared: Shared, app: Application, load: Arc<AtomicUsize>) -> Self {
        Self {
            clock: Rc::new(Clock::new(shared.settings.timeouts)),
            shared,
            app,
            load,
            connections: RefCell::default(),
            next_id: Cell::new(0),
            finishing: Cell::new(None),
        }
    }

    /// Processes commands until it has finished.
    async fn run(self: Rc<Self>, mut commands: UnboundedReceiver<Command>) {
        let mut ticks = ticks(TICK_INTERVAL);
        let mut deadline = None;
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Serve(stream, peer)) => self.open(stream, peer),
                    Some(Command::MakeRoom) => self.make_room(),
                    Some(Command::SendGoaway) => self.send_goaway(),
                    Some(Command::Finish(at)) => {
                        self.finishing.set(Some(self.clock.tick()));
                        deadline = Some(at);
                        ticks = self::ticks(STOP_TICK_INTERVAL);
                    }
                    // The server did not start.
                    None => return,
                },
                _ = ticks.tick() => {
                    let now = self.clock.tick();
                    self.close_due(now);
                    match deadline {
                        Some(_) if self.is_done() => return,
                        Some(deadline) if now >= deadline => return self.give_up(),
                        _ => {}
                    }
                }
            }
        }
    }

    fn is_done(&self) -> bool {
        self.connections.borrow().is_empty() && (self.shared.settings.unfinished_work)() == 0
    }

    fn give_up(&self) {
        let (connections, work) = (self.connections.borrow().len(), (self.shared.settings.unfinished_work)());
        tracing::warn!(connections, work, "the shutdown time-out is over; closing the remaining connections");
    }

    fn open(self: &Rc<Self>, stream: StdStream, peer: SocketAddr) {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        let connection = Rc::new(Connection::new(self.clock.clone()));
        let entry = Entry { state: self.clone(), id };
        let task = spawn_local(entry.serve(stream, peer, connection.clone()));
        self.connections.borrow_mut().insert(id, (connection, task.abort_handle()));
    }

    fn send_goaway(&self) {
        self.connections.borrow().values().for_each(|(connection, _)| connection.request_goaway());
    }

    fn close_due(&self, now: Instant) {
        for (connection, task) in self.connections.borrow().values() {
            if connection.is_overdue(now) {
                task.abort();
            } else if let Some(close) = connection.due(now, self.finishing.get()) {
                connection.request_close(close);
            }
        }
    }

    fn make_room(&self) {
        let connections = self.connections.borrow();
        let mut idle: Vec<_> = connections
            .iter()
            .filter_map(|(id, (connection, _))| Some((connection.idle_since()?, *id, connection)))
            .collect();
        // Of two that became idle in the same tick, the one with the lower number is older.
        idle.sort_unstable_by_key(|(since, id, _)| (*since, *id));
        for (.., connection) in idle.into_iter().take((connections.len() / 8).clamp(1, MAX_EVICTED)) {
            connection.request_close(Close::Idle);
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The entry of a connection in a worker's list; removed when dropped.
struct Entry {
    state: Rc<State>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.state.connections.borrow_mut().remove(&self.id);
        self.state.load.fetch_sub(1, Ordering::Relaxed);
        self.state.shared.limit.closed();
    }
}

impl Entry {
    /// Serves a connection until it is closed.
    async fn serve(self, stream: StdStream, peer: SocketAddr, connection: Rc<Connection>) {
        let State { shared, app, .. } = &*self.state;
        let stream = match prepare(stream, &connection) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a connection failed before it was served"),
        };
        // No buffer is allocated before the first byte arrives.
        if !has_begun(&stream, &connection).await {
            return;
        }
        let (socket, protocol) = match &shared.handshakes {
            None => (Socket::Plain(stream), Protocol::Http1),
            Some(handshakes) => {
                let _busy = connection.clone().start_work();
                match handshakes.accept(stream, *connection.timeouts(), connection.date()).await {
                    Some((stream, protocol)) => (Socket::Tls(Box::new(stream)), protocol),
                    None => return,
                }
            }
        };
        if shared.handshakes.is_some() {
            connection.record_handshake(protocol == Protocol::Http2);
        }
        if shared.stopping.has_begun() {
            connection.request_goaway();
        }
        let stream = MonitoredStream::new(socket, connection);
        match protocol {
            Protocol::Http1 => http1::serve(stream, app, peer, &shared.stopping).await,
            Protocol::Http2 => http2::serve(stream, app, peer).await,
        }
    }
}

fn prepare(stream: StdStream, connection: &Connection) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    bound_unacknowledged(&stream, connection.timeouts().unread)?;
    TcpStream::from_std(stream)
}

/// Limits the time in which the system sends remaining data after this process has closed a connection. Other systems
/// have their own limits.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
fn bound_unacknowledged(stream: &StdStream, timeout: Duration) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "fuchsia")))]
#[allow(clippy::unnecessary_wraps, reason = "the same as on Linux")]
fn bound_unacknowledged(_: &StdStream, _: Duration) -> io::Result<()> {
    Ok(())
}

/// Waits for the first byte; returns false if the connection has to be closed before.
async fn has_begun(stream: &TcpStream, connection: &Connection) -> bool {
    poll_fn(|cx| match stream.poll_read_ready(cx) {
        Poll::Ready(ready) => {
            connection.record_read();
            Poll::Ready(ready.is_ok())
        }
        Poll::Pending if connection.close_requested().is_some() => {
            let has_begun = has_unread(stream);
            if has_begun {
                connection.keep_open();
            }
            Poll::Ready(has_begun)
        }
        Poll::Pending => {
            connection.register(cx.waker());
            Poll::Pending
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener};

    use futures_util::FutureExt;

    use super::*;
    use crate::Timeouts;

    #[tokio::test]
    async fn first_byte_is_seen_before_the_runtime_notices_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let connection = Connection::new(Rc::new(Clock::new(Timeouts::default())));
        let stream = prepare(stream, &connection).unwrap();
        connection.request_close(Close::Idle);
        assert_eq!(has_begun(&stream, &connection).now_or_never(), Some(false));
        client.write_all(b"GET").unwrap();
        assert_eq!(has_begun(&stream, &connection).now_or_never(), Some(true));
        assert_eq!(connection.close_requested(), None, "the connection stays open");
    }
}
