//! What a worker knows of a connection, and how long it waits for its client.
//!
//! The head of each request, a body that nobody reads any more and an answer that the client does not read may take for
//! ever if nobody looks. All of it is judged here, by what is read and written, and it costs a request no more than a few
//! stores.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
    time::{Duration, Instant},
};

use http::HeaderValue;

use crate::timeouts::{Clock, Timeouts};

/// For closing, after it was requested.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// In a stop, how long a connection must have been silent to be closed: what was sent just before is still to come.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(100);
/// The same of a connection that is just being opened, or of an HTTP/2 client that was told to go: its next request may
/// be on the way, and it closes the connection by itself when it has none.
const LONG_SILENCE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing: every request is answered.
    Idle,
    /// Its client is sending the head of a request, or the rest of a body that was answered early.
    Reading,
    /// Requests are being answered, or a handshake is being made, which has a time-out of its own.
    Busy,
}

/// How a connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// As soon as nothing more can be read, as if its client had hung up.
    Idle,
    /// The same, after its client was told that the head was too slow.
    HeadTimeout,
    /// At once: its client does not read.
    Unread,
}

/// Whether an HTTP/2 client is asked to open no more streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goaway {
    No,
    /// When its first request has come.
    AfterRequest,
    Due,
    Sent,
}

/// A connection, as its worker, its stream and its requests see it.
pub(crate) struct Connection {
    clock: Rc<Clock>,
    phase: Cell<Phase>,
    /// Since when it is in its phase.
    since: Cell<Instant>,
    requests: Cell<u32>,
    /// Whether a request has come at all.
    is_used: Cell<bool>,
    /// HTTP/2: what is read need not be of a request.
    is_multiplexed: Cell<bool>,
    /// Since when its client owes the rest of what it began: the first request after a handshake, or the rest of a frame.
    owed: Cell<Option<Instant>>,
    /// Whether the answer that was given last says that it is the last.
    is_last: Cell<bool>,
    written: Cell<Instant>,
    /// Since when its client takes nothing of what is written.
    blocked: Cell<Option<Instant>>,
    close: Cell<Option<(Close, Instant)>>,
    goaway: Cell<Goaway>,
    task: RefCell<Option<Waker>>,
}

impl Connection {
    pub(crate) fn new(clock: Rc<Clock>) -> Self {
        let now = clock.now();
        Self {
            clock,
            phase: Cell::new(Phase::Idle),
            since: Cell::new(now),
            requests: Cell::new(0),
            is_used: Cell::new(false),
            is_multiplexed: Cell::new(false),
            owed: Cell::new(None),
            is_last: Cell::new(false),
            written: Cell::new(now),
            blocked: Cell::new(None),
            close: Cell::new(None),
            goaway: Cell::new(Goaway::No),
            task: RefCell::new(None),
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.now());
    }

    /// The connection is busy until what this returns is dropped.
    pub(crate) fn start_work(self: Rc<Self>) -> BusyGuard {
        self.requests.set(self.requests.get() + 1);
        self.enter(Phase::Busy);
        BusyGuard(self)
    }

    /// The same for a request.
    pub(crate) fn start_request(self: Rc<Self>) -> BusyGuard {
        self.is_used.set(true);
        if self.goaway.get() == Goaway::AfterRequest {
            self.goaway.set(Goaway::Due);
        }
        self.start_work()
    }

    /// The last answer is given; its client has a moment to read it.
    pub(crate) fn linger(&self) {
        self.is_last.set(true);
        self.enter(Phase::Idle);
    }

    /// A handshake was made, after which a request has to come, or several side by side.
    pub(crate) fn record_handshake(&self, is_multiplexed: bool) {
        self.is_multiplexed.set(is_multiplexed);
        self.owed.set(Some(self.clock.now()));
    }

    /// The value of `Date`.
    pub(crate) fn date(&self) -> HeaderValue {
        self.clock.date()
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.clock.timeouts
    }

    /// Something was read.
    pub(crate) fn record_read(&self) {
        if self.phase.get() == Phase::Idle && !self.is_multiplexed.get() && !self.is_last.get() {
            self.owed.set(None);
            self.enter(Phase::Reading);
        }
    }

    /// A part of HTTP/2 frames was read: whether one of them, or a head made of several, ended in it, and whether nothing
    /// is still to come.
    pub(crate) fn record_frames(&self, has_ended: bool, is_whole: bool) {
        match self.owed.get() {
            _ if is_whole => self.owed.set(None),
            Some(_) if !has_ended => {}
            _ => self.owed.set(Some(self.clock.now())),
        }
    }

    /// Something was written, or could not be.
    pub(crate) fn record_write(&self, is_blocked: bool) {
        let now = self.clock.now();
        self.written.set(now);
        match self.blocked.get() {
            None if is_blocked => self.blocked.set(Some(now)),
            Some(_) if !is_blocked => {
                self.blocked.set(None);
                // What came in meanwhile could not be read.
                self.since.set(now);
            }
            _ => {}
        }
    }

    /// Whether its client does not take what is written at the moment.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.get().is_some()
    }

    /// How it is to be closed, if it is.
    pub(crate) fn close_requested(&self) -> Option<Close> {
        self.close.get().map(|(close, _)| close)
    }

    /// It was to be closed because nothing came, and something has come.
    pub(crate) fn keep_open(&self) {
        self.close.set(None);
        self.record_read();
    }

    /// Whether what still comes is of no use, for the last answer is given.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last.get()
    }

    /// Whether requests come side by side.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.is_multiplexed.get()
    }

    /// Whether a request is being answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.phase.get() == Phase::Busy
    }

    /// Since when it has been idle, if it may be closed to make room.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        (!self.is_busy() && self.blocked.get().is_none() && self.close.get().is_none()).then(|| self.since.get())
    }

    /// Asks its task to close it.
    pub(crate) fn request_close(&self, close: Close) {
        // A client that does not read is cut off whatever was requested before.
        if self.close.get().is_none_or(|(before, _)| before != Close::Unread && close == Close::Unread) {
            self.close.set(Some((close, self.clock.now())));
        }
        self.wake();
    }

    /// Asks an HTTP/2 client once to open no more streams here. Not before its first request: without one, the connection
    /// would have been opened in vain, and the client would open the next one.
    pub(crate) fn request_goaway(&self) {
        if self.is_multiplexed.get() && self.goaway.get() == Goaway::No {
            self.goaway.set(if self.is_used.get() { Goaway::Due } else { Goaway::AfterRequest });
            self.wake();
        }
    }

    /// Whether that is still to be sent.
    pub(crate) fn take_goaway_request(&self) -> bool {
        let is_due = self.goaway.get() == Goaway::Due;
        if is_due {
            self.goaway.set(Goaway::Sent);
        }
        is_due
    }

    /// The task to wake when it is to be closed.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        if task.as_ref().is_none_or(|task| !task.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let task = self.task.borrow().clone();
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Whether it is to be closed, and how. In a stop, which began at `stopping`, silent connections are closed.
    pub(crate) fn due(&self, now: Instant, stopping: Option<Instant>) -> Option<Close> {
        let timeouts = self.timeouts();
        let longer_than = |since: Instant, timeout: Duration| now.saturating_duration_since(since) >= timeout;
        if let Some(since) = self.blocked.get() {
            return longer_than(since, timeouts.unread).then_some(Close::Unread);
        }
        let since = self.since.get();
        let owes = |owed: Option<Instant>| owed.is_some_and(|owed| longer_than(owed, timeouts.head));
        let is_long = self.is_multiplexed.get() || !self.is_used.get();
        let silence = if is_long { LONG_SILENCE_TIMEOUT } else { SILENCE_TIMEOUT };
        let is_silent = |began: Instant| longer_than(since.max(self.written.get()).max(began), silence);
        match self.phase.get() {
            Phase::Reading if longer_than(since, timeouts.head) => Some(Close::HeadTimeout),
            Phase::Idle if owes(self.owed.get()) => Some(Close::Idle),
            Phase::Idle if self.is_last.get() && longer_than(since, timeouts.linger) => Some(Close::Idle),
            Phase::Idle if longer_than(since, timeouts.idle) || stopping.is_some_and(is_silent) => Some(Close::Idle),
            Phase::Busy | Phase::Reading | Phase::Idle => None,
        }
    }

    /// Whether it was to be closed and was not in time.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let requested = self.close.get();
        requested.is_some_and(|(_, since)| !self.is_busy() && now.saturating_duration_since(since) >= CLOSE_TIMEOUT)
    }
}

/// Something that keeps a connection busy: a request that is being answered, or a handshake.
pub(crate) struct BusyGuard(Rc<Connection>);

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let left = self.0.requests.get().saturating_sub(1);
        self.0.requests.set(left);
        if left == 0 {
            self.0.enter(Phase::Idle);
        }
    }
}

#[cfg(test)]
mod tests;
