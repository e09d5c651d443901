//! The state and the time-outs of a connection.
//!
//! The head of a request, an unused body and a response that the client does not read could take for ever. This module
//! detects them from what is read and written, at the cost of a few stores per request.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
    time::{Duration, Instant},
};

use http::HeaderValue;

use crate::timeouts::{Clock, Timeouts};

/// The time-out of closing, after it was requested.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// During a stop, how long a connection must be silent to be closed: requests sent just before may still arrive.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(500);
/// The same for a new connection, or for an HTTP/2 client that was sent GOAWAY: its next request may be on the way, and
/// it closes the connection itself when it has none.
const LONG_SILENCE_TIMEOUT: Duration = Duration::from_secs(2);

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// All requests were answered.
    Idle,
    /// The client is sending the head of a request, or the rest of a body after an early response.
    Reading,
    /// Requests are being processed, or a TLS handshake, which has its own time-out.
    Busy,
}

/// How a connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// When no more bytes are available, as at an end of file from the client.
    Idle,
    /// The same, after a 408 response for a slow head.
    HeadTimeout,
    /// Immediately: the client does not read.
    Unread,
}

/// The state of the request to an HTTP/2 client to open no more streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goaway {
    No,
    /// After its first request.
    AfterRequest,
    Due,
    Sent,
}

/// The state of a connection, shared by its worker, its stream and its requests.
pub(crate) struct Connection {
    clock: Rc<Clock>,
    phase: Cell<Phase>,
    /// The start of the phase.
    since: Cell<Instant>,
    requests: Cell<u32>,
    /// Whether it has received a request.
    is_used: Cell<bool>,
    /// HTTP/2: bytes that are read may not belong to a request.
    is_multiplexed: Cell<bool>,
    /// The start of something that the client has to complete: the first request after a handshake, or the rest of a
    /// frame.
    owed: Cell<Option<Instant>>,
    /// Whether the last response closes the connection.
    is_last: Cell<bool>,
    written: Cell<Instant>,
    /// The time since which writes are blocked.
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

    /// Marks the connection as busy until the returned guard is dropped.
    pub(crate) fn start_work(self: Rc<Self>) -> BusyGuard {
        self.requests.set(self.requests.get() + 1);
        self.enter(Phase::Busy);
        BusyGuard(self)
    }

    /// Marks the connection as busy with a request.
    pub(crate) fn start_request(self: Rc<Self>) -> BusyGuard {
        self.is_used.set(true);
        if self.goaway.get() == Goaway::AfterRequest {
            self.goaway.set(Goaway::Due);
        }
        self.start_work()
    }

    /// The last response was sent; the client has a moment to read it.
    pub(crate) fn linger(&self) {
        self.is_last.set(true);
        self.enter(Phase::Idle);
    }

    /// A handshake was completed. A request has to follow.
    pub(crate) fn record_handshake(&self, is_multiplexed: bool) {
        self.is_multiplexed.set(is_multiplexed);
        self.owed.set(Some(self.clock.now()));
    }

    /// Returns the value of `Date`.
    pub(crate) fn date(&self) -> HeaderValue {
        self.clock.date()
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.clock.timeouts
    }

    /// Bytes were read.
    pub(crate) fn record_read(&self) {
        if self.phase.get() == Phase::Idle && !self.is_multiplexed.get() && !self.is_last.get() {
            self.owed.set(None);
            self.enter(Phase::Reading);
        }
    }

    /// HTTP/2 frames were read. `has_ended` says whether a frame, or a head of several frames, ended; `is_whole`
    /// whether no frame is incomplete.
    pub(crate) fn record_frames(&self, has_ended: bool, is_whole: bool) {
        match self.owed.get() {
            _ if is_whole => self.owed.set(None),
            Some(_) if !has_ended => {}
            _ => self.owed.set(Some(self.clock.now())),
        }
    }

    /// Bytes were written, or the write was blocked.
    pub(crate) fn record_write(&self, is_blocked: bool) {
        let now = self.clock.now();
        self.written.set(now);
        match self.blocked.get() {
            None if is_blocked => self.blocked.set(Some(now)),
            Some(_) if !is_blocked => {
                self.blocked.set(None);
                // Nothing could be read meanwhile.
                self.since.set(now);
            }
            _ => {}
        }
    }

    /// Returns whether writes are blocked at present.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.get().is_some()
    }

    /// Returns how the connection has to be closed, if it has to.
    pub(crate) fn close_requested(&self) -> Option<Close> {
        self.close.get().map(|(close, _)| close)
    }

    /// Revokes the request to close an idle connection, because bytes arrived.
    pub(crate) fn keep_open(&self) {
        self.close.set(None);
        self.record_read();
    }

    /// Returns whether the last response was sent, so that further bytes are ignored.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last.get()
    }

    /// Returns whether requests are multiplexed.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.is_multiplexed.get()
    }

    /// Returns whether a request is being processed.
    pub(crate) fn is_busy(&self) -> bool {
        self.phase.get() == Phase::Busy
    }

    /// Returns since when it is idle, if it may be evicted.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        (!self.is_busy() && self.blocked.get().is_none() && self.close.get().is_none()).then(|| self.since.get())
    }

    /// Asks the task of the connection to close it.
    pub(crate) fn request_close(&self, close: Close) {
        // `Unread` overrides an earlier request.
        if self.close.get().is_none_or(|(before, _)| before != Close::Unread && close == Close::Unread) {
            self.close.set(Some((close, self.clock.now())));
        }
        self.wake();
    }

    /// Asks an HTTP/2 client once to open no more streams. Not before its first request: a connection without a request
    /// would be opened in vain, and the client would open another one.
    pub(crate) fn request_goaway(&self) {
        if self.is_multiplexed.get() && self.goaway.get() == Goaway::No {
            self.goaway.set(if self.is_used.get() { Goaway::Due } else { Goaway::AfterRequest });
            self.wake();
        }
    }

    /// Returns whether GOAWAY has to be sent, and marks it as sent.
    pub(crate) fn take_goaway_request(&self) -> bool {
        let is_due = self.goaway.get() == Goaway::Due;
        if is_due {
            self.goaway.set(Goaway::Sent);
        }
        is_due
    }

    /// Sets the task to wake when the connection has to be closed.
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

    /// Returns whether and how the connection has to be closed. After a stop began at `stopping`, silent connections
    /// are closed.
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

    /// Returns whether closing has taken too long.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let requested = self.close.get();
        requested.is_some_and(|(_, since)| !self.is_busy() && now.saturating_duration_since(since) >= CLOSE_TIMEOUT)
    }
}

/// Keeps a connection busy: a request being processed, or a handshake.
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
