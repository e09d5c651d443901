//! A thread that serves connections.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    error::Error,
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

use actix_http::Protocol;
use actix_service::{ServiceFactory, map_config};
use actix_web::dev::AppConfig;
use futures_util::TryFutureExt;
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{AbortHandle, spawn_local},
    time::{MissedTickBehavior, interval},
};

use super::{
    clock::Clock,
    connection::{Connection, End, UNREAD},
    door::Crowd,
    http1, http2,
    stream::{Transport, Watched, has_come},
    tls::Handshakes,
};
use crate::{HttpState, app, edge};

/// How often connections are looked at.
const TICK: Duration = Duration::from_millis(250);
/// The same in a stop, which is to be short.
const SOON: Duration = Duration::from_millis(20);
/// The most connections that are ended at once when there is no room for one: to look for them is what costs.
const ROOM: usize = 64;
/// Threads for work that blocks, of all workers together.
const BLOCKING: usize = 512;

/// What a worker is told.
enum Order {
    Serve(StdStream, SocketAddr),
    MakeRoom,
    SayGoodbye,
    Finish(Instant),
}

/// A worker, seen from outside.
pub(super) struct Worker {
    orders: UnboundedSender<Order>,
    load: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// What all workers have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) state: Arc<HttpState>,
    pub(super) handshakes: Option<Handshakes>,
    pub(super) crowd: Arc<Crowd>,
}

impl Worker {
    /// Starts one of `of` workers, and waits until it can serve.
    pub(super) fn start(common: Common, of: usize) -> io::Result<Self> {
        let (orders, inbox) = unbounded_channel();
        let (started, start) = mpsc::sync_channel(1);
        let load = Arc::new(AtomicUsize::new(0));
        let mine = load.clone();
        let work = move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                // Whoever shares the processor may have more for this thread if it is let on first. Without this, each
                // request wakes the thread at the cost of the one who sends it, and on a full machine a sixth of what
                // could be answered is lost on that.
                .on_thread_park(thread::yield_now)
                .max_blocking_threads((BLOCKING / of.max(1)).max(1))
                .build_local(LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async move {
                match Room::new(common, mine).await {
                    Ok(room) => {
                        started.send(Ok(())).ok();
                        Rc::new(room).follow(inbox).await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        };
        let thread = thread::Builder::new().name("http".into()).spawn(work)?;
        start.recv().map_err(|_| io::Error::other("a worker ended while it started"))??;
        Ok(Self { orders, load, thread })
    }

    /// How many connections it has.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(super) fn serve(&self, stream: StdStream, peer: SocketAddr) {
        self.load.fetch_add(1, Ordering::Relaxed);
        self.tell(Order::Serve(stream, peer));
    }

    /// Ends some of what has been idle for longest, if anything is.
    pub(super) fn make_room(&self) {
        self.tell(Order::MakeRoom);
    }

    /// Asks clients that would stay to go.
    pub(super) fn say_goodbye(&self) {
        self.tell(Order::SayGoodbye);
    }

    /// Answers what was asked and ends, at `deadline` whatever is left.
    pub(super) fn finish(&self, deadline: Instant) {
        self.tell(Order::Finish(deadline));
    }

    /// Waits until it has ended. Blocks.
    pub(super) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a worker panicked");
        }
    }

    fn tell(&self, order: Order) {
        // A worker that is gone has said why.
        self.orders.send(order).ok();
    }
}

type Serve = dyn Fn(Watched, Protocol, SocketAddr) -> Serving;
type Serving = std::pin::Pin<Box<dyn Future<Output = Result<(), Box<dyn Error>>>>>;

/// A worker, seen from inside.
struct Room {
    common: Common,
    serve: Box<Serve>,
    clock: Rc<Clock>,
    load: Arc<AtomicUsize>,
    connections: RefCell<HashMap<u64, (Rc<Connection>, AbortHandle)>>,
    next: Cell<u64>,
    /// Since when it has been asked to finish.
    finishing: Cell<Option<Instant>>,
}

impl Room {
    async fn new(common: Common, load: Arc<AtomicUsize>) -> io::Result<Self> {
        Ok(Self {
            serve: server(&common.state).await?,
            common,
            clock: Rc::new(Clock::new()),
            load,
            connections: RefCell::default(),
            next: Cell::new(0),
            finishing: Cell::new(None),
        })
    }

    /// Does what it is told, until it has finished.
    async fn follow(self: Rc<Self>, mut inbox: UnboundedReceiver<Order>) {
        let mut look = ticks(TICK);
        let mut deadline = None;
        loop {
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(Order::Serve(stream, peer)) => self.admit(stream, peer),
                    Some(Order::MakeRoom) => self.make_room(),
                    Some(Order::SayGoodbye) => self.say_goodbye(),
                    Some(Order::Finish(at)) => {
                        self.finishing.set(Some(self.clock.tick()));
                        deadline = Some(at);
                        look = ticks(SOON);
                    }
                    // The server did not even start.
                    None => return,
                },
                _ = look.tick() => {
                    let now = self.clock.tick();
                    self.look_around(now);
                    match deadline {
                        Some(_) if self.is_empty() => return,
                        Some(deadline) if now >= deadline => return self.give_up(),
                        _ => {}
                    }
                }
            }
        }
    }

    /// Whether nothing is left to do, for a client or for none.
    fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty() && edge::changes_under_way() == 0
    }

    fn give_up(&self) {
        let (connections, changes) = (self.connections.borrow().len(), edge::changes_under_way());
        tracing::warn!(connections, changes, "SHUTDOWN_TIMEOUT is over; cutting what is left");
    }

    fn admit(self: &Rc<Self>, stream: StdStream, peer: SocketAddr) {
        let id = self.next.get();
        self.next.set(id + 1);
        let connection = Rc::new(Connection::new(self.clock.clone()));
        let inside = Inside { room: self.clone(), id };
        let task = spawn_local(inside.converse(stream, peer, connection.clone()));
        self.connections.borrow_mut().insert(id, (connection, task.abort_handle()));
    }

    fn say_goodbye(&self) {
        self.connections.borrow().values().for_each(|(connection, _)| connection.say_goodbye());
    }

    fn look_around(&self, now: Instant) {
        for (connection, task) in self.connections.borrow().values() {
            if connection.is_overdue(now) {
                task.abort();
            } else if let Some(end) = connection.due(now, self.finishing.get()) {
                connection.ask_to_end(end);
            }
        }
    }

    fn make_room(&self) {
        let connections = self.connections.borrow();
        let mut idle: Vec<_> = connections
            .iter()
            .filter_map(|(id, (connection, _))| Some((connection.idle_since()?, *id, connection)))
            .collect();
        // The later of two that have been idle since the same look at the clock came in later.
        idle.sort_unstable_by_key(|(since, id, _)| (*since, *id));
        for (.., connection) in idle.into_iter().take((connections.len() / 8).clamp(1, ROOM)) {
            connection.ask_to_end(End::Quietly);
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A connection's place in a room; left when dropped.
struct Inside {
    room: Rc<Room>,
    id: u64,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.room.connections.borrow_mut().remove(&self.id);
        self.room.load.fetch_sub(1, Ordering::Relaxed);
        self.room.common.crowd.leave();
    }
}

impl Inside {
    /// Serves a connection to its end.
    async fn converse(self, stream: StdStream, peer: SocketAddr, connection: Rc<Connection>) {
        let common = &self.room.common;
        let stream = match prepared(stream) {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "a connection broke before it was served"),
        };
        // Who says nothing costs no buffer.
        if !speaks(&stream, &connection).await {
            return;
        }
        let (transport, protocol) = match &common.handshakes {
            None => (Transport::Plain(stream), Protocol::Http1),
            Some(handshakes) => {
                let _busy = connection.clone().begin();
                match handshakes.with(stream, &common.state).await {
                    Some((stream, protocol)) => (Transport::Tls(Box::new(stream)), protocol),
                    None => return,
                }
            }
        };
        if common.handshakes.is_some() {
            connection.shook_hands(protocol == Protocol::Http2);
        }
        if common.state.is_stopping() {
            connection.say_goodbye();
        }
        let watched = Watched::new(transport, connection, common.state.clone());
        if let Err(error) = (self.room.serve)(watched, protocol, peer).await {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

fn prepared(stream: StdStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    // What is left in the system's hands when this process is done with a connection is bounded too.
    SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD))?;
    TcpStream::from_std(stream)
}

/// Waits for the first byte; false if it is not to be waited for any more.
async fn speaks(stream: &TcpStream, connection: &Connection) -> bool {
    poll_fn(|cx| match stream.poll_read_ready(cx) {
        Poll::Ready(ready) => {
            connection.read();
            Poll::Ready(ready.is_ok())
        }
        Poll::Pending if connection.ending().is_some() => {
            let speaks = has_come(stream);
            if speaks {
                connection.stay();
            }
            Poll::Ready(speaks)
        }
        Poll::Pending => {
            connection.park(cx.waker());
            Poll::Pending
        }
    })
    .await
}

/// The application as it is served.
async fn server(state: &Arc<HttpState>) -> io::Result<Box<Serve>> {
    let routes = |()| io::Error::other("the routes cannot be made");
    let app = Rc::new(map_config(app(state), |()| AppConfig::default()).new_service(()).await.map_err(routes)?);
    let config = http1::config();
    Ok(Box::new(move |stream, protocol, peer| match protocol {
        Protocol::Http2 => Box::pin(http2::serve(stream, app.clone(), peer).map_err(Into::into)),
        _ => Box::pin(http1::serve(stream, app.clone(), peer, config.clone()).map_err(Into::into)),
    }))
}

#[cfg(test)]
mod tests {
    use std::{io::Write, net::TcpListener};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_has_spoken_is_not_silent_although_the_runtime_has_not_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (stream, connection) = (prepared(stream).unwrap(), Connection::new(Rc::new(Clock::new())));
        connection.ask_to_end(End::Quietly);
        assert_eq!(speaks(&stream, &connection).now_or_never(), Some(false));
        client.write_all(b"GET").unwrap();
        assert_eq!(speaks(&stream, &connection).now_or_never(), Some(true));
        assert_eq!(connection.ending(), None, "it is let to go on");
    }
}
