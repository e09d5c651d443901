//! What a worker knows of a connection, and how long it bears with its client.
//!
//! Every head, the first of a connection or a later one, a body that nobody wants any more and an answer that nobody reads
//! may take for ever, if nobody looks. All of it is judged here, by what is read and written, and nothing of it costs a
//! request more than a few stores.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::Waker,
    time::{Duration, Instant},
};

use super::clock::{Clock, Date};

/// For the head of a request, from its first byte, and for a TLS handshake.
pub(super) const HEAD: Duration = Duration::from_secs(10);
/// Between two requests: longer than the 60 s after which proxies give a connection up, so that it is they who close it.
const IDLE: Duration = Duration::from_secs(75);
/// For reading on, of a client that has stopped reading its answer.
pub(super) const UNREAD: Duration = Duration::from_secs(30);
/// For what is left of a body whose answer was the connection's last.
pub(super) const LINGER: Duration = Duration::from_secs(2);
/// For a connection that was asked to end.
const LEAVE: Duration = Duration::from_secs(5);
/// How long a connection must have been silent to be ended in a stop: what was sent just before is still to come.
const SILENCE: Duration = Duration::from_millis(100);

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing: all that was asked is answered.
    Idle,
    /// Its client is sending the head of a request, or the rest of a body that was answered early.
    Head,
    /// Requests are being answered, or a handshake made that has a time-out of its own.
    Busy,
}

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// As soon as nothing more can be read, as if its client had hung up.
    Quietly,
    /// The same, after its client was told that the head was too slow.
    Slow,
    /// At once: its client does not read.
    Cut,
}

/// A connection, as its worker, its stream and its requests see it.
pub(super) struct Connection {
    clock: Rc<Clock>,
    phase: Cell<Phase>,
    /// Since when it is in its phase.
    since: Cell<Instant>,
    requests: Cell<u32>,
    /// HTTP/2: what is read need not be of a request.
    multiplexed: Cell<bool>,
    /// Since when its client owes the rest of what it began: the first request after a handshake, or the rest of a frame.
    owed: Cell<Option<Instant>>,
    /// Whether the answer that was given last says that it is the last.
    last: Cell<bool>,
    wrote: Cell<Instant>,
    /// Since when its client takes nothing of what is written.
    blocked: Cell<Option<Instant>>,
    end: Cell<Option<(End, Instant)>>,
    goodbye: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Connection {
    pub(super) fn new(clock: Rc<Clock>) -> Self {
        let now = clock.now();
        Self {
            clock,
            phase: Cell::new(Phase::Idle),
            since: Cell::new(now),
            requests: Cell::new(0),
            multiplexed: Cell::new(false),
            owed: Cell::new(None),
            last: Cell::new(false),
            wrote: Cell::new(now),
            blocked: Cell::new(None),
            end: Cell::new(None),
            goodbye: Cell::new(false),
            task: RefCell::new(None),
        }
    }

    fn go(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.clock.now());
    }

    /// A request is being answered until what this returns is dropped.
    pub(super) fn begin(self: Rc<Self>) -> Request {
        self.requests.set(self.requests.get() + 1);
        self.go(Phase::Busy);
        Request(self)
    }

    /// Nothing more is looked at; its client has a moment to read what was said.
    pub(super) fn leave(&self) {
        self.last.set(true);
        self.go(Phase::Idle);
    }

    /// A handshake was made, after which a request is to come, or several side by side.
    pub(super) fn shook_hands(&self, multiplexed: bool) {
        self.multiplexed.set(multiplexed);
        self.owed.set(Some(self.clock.now()));
    }

    /// What an answer is dated with.
    pub(super) fn date(&self) -> Date {
        self.clock.date()
    }

    /// Something was read.
    pub(super) fn read(&self) {
        if self.phase.get() == Phase::Idle && !self.multiplexed.get() && !self.last.get() {
            self.owed.set(None);
            self.go(Phase::Head);
        }
    }

    /// Something of frames was read: whether one of them, or a head made of several, came to its end in it, and whether
    /// nothing is still to come.
    pub(super) fn read_frames(&self, ended: bool, whole: bool) {
        match self.owed.get() {
            _ if whole => self.owed.set(None),
            Some(_) if !ended => {}
            _ => self.owed.set(Some(self.clock.now())),
        }
    }

    /// Something was written, or could not be.
    pub(super) fn wrote(&self, blocked: bool) {
        let now = self.clock.now();
        self.wrote.set(now);
        match self.blocked.get() {
            None if blocked => self.blocked.set(Some(now)),
            Some(_) if !blocked => {
                self.blocked.set(None);
                // What came in meanwhile could not be looked at.
                self.since.set(now);
            }
            _ => {}
        }
    }

    /// How it is to end, if it is.
    pub(super) fn ending(&self) -> Option<End> {
        self.end.get().map(|(end, _)| end)
    }

    /// It was to end because nothing came, and something has come.
    pub(super) fn stay(&self) {
        self.end.set(None);
        self.read();
    }

    /// Whether what still comes is of no use, for the last answer is given.
    pub(super) fn is_last(&self) -> bool {
        self.last.get()
    }

    /// Whether requests come side by side.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.get()
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.phase.get() == Phase::Busy
    }

    /// Whether it may be ended to make room, and since when it is of no use.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (!self.is_busy() && self.blocked.get().is_none() && self.end.get().is_none()).then(|| self.since.get())
    }

    /// Asks its task to end it.
    pub(super) fn ask_to_end(&self, end: End) {
        // Who does not read is cut whatever was asked before.
        if self.end.get().is_none_or(|(before, _)| before != End::Cut && end == End::Cut) {
            self.end.set(Some((end, self.clock.now())));
        }
        self.wake();
    }

    /// Asks an HTTP/2 client to open no more streams here.
    pub(super) fn say_goodbye(&self) {
        if self.multiplexed.get() {
            self.goodbye.set(true);
            self.wake();
        }
    }

    /// Whether that is still to be said.
    pub(super) fn take_goodbye(&self) -> bool {
        self.goodbye.take()
    }

    /// The task to wake when it is to end.
    pub(super) fn park(&self, waker: &Waker) {
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

    /// What is to become of it. In a stop, which began at `stopping`, whatever is silent ends.
    pub(super) fn due(&self, now: Instant, stopping: Option<Instant>) -> Option<End> {
        let longer_than = |since: Instant, patience: Duration| now.saturating_duration_since(since) >= patience;
        if let Some(since) = self.blocked.get() {
            return longer_than(since, UNREAD).then_some(End::Cut);
        }
        let since = self.since.get();
        let owes = |owed: Option<Instant>| owed.is_some_and(|owed| longer_than(owed, HEAD));
        let silent = |began: Instant| longer_than(since.max(self.wrote.get()).max(began), SILENCE);
        match self.phase.get() {
            Phase::Head if longer_than(since, HEAD) => Some(End::Slow),
            Phase::Idle if owes(self.owed.get()) => Some(End::Quietly),
            Phase::Idle if self.last.get() && longer_than(since, LINGER) => Some(End::Quietly),
            Phase::Idle if longer_than(since, IDLE) || stopping.is_some_and(silent) => Some(End::Quietly),
            Phase::Busy | Phase::Head | Phase::Idle => None,
        }
    }

    /// Whether it was asked to end and has not done so in time.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        let asked = self.end.get();
        asked.is_some_and(|(_, since)| !self.is_busy() && now.saturating_duration_since(since) >= LEAVE)
    }
}

/// A request that is being answered.
pub(super) struct Request(Rc<Connection>);

impl Drop for Request {
    fn drop(&mut self) {
        let left = self.0.requests.get().saturating_sub(1);
        self.0.requests.set(left);
        if left == 0 {
            self.0.go(Phase::Idle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> (Rc<Connection>, Instant) {
        let clock = Rc::new(Clock::new());
        let now = clock.now();
        (Rc::new(Connection::new(clock)), now)
    }

    /// A moment before that.
    fn just_before(time: Instant) -> Instant {
        time.checked_sub(Duration::from_millis(1)).unwrap()
    }

    #[test]
    fn every_head_has_its_time_and_not_only_the_first() {
        let (connection, now) = new();
        for _ in 0..2 {
            assert_eq!(connection.due(just_before(now + IDLE), None), None);
            connection.read();
            assert_eq!(connection.due(just_before(now + HEAD), None), None);
            assert_eq!(connection.due(now + HEAD, None), Some(End::Slow));
            drop(connection.clone().begin());
        }
        assert_eq!(connection.due(now + IDLE, None), Some(End::Quietly));
    }

    #[test]
    fn a_head_that_comes_slowly_does_not_begin_anew_with_each_byte() {
        let (connection, now) = new();
        connection.read();
        connection.clock.set(just_before(now + HEAD));
        connection.read();
        assert_eq!(connection.due(now + HEAD, None), Some(End::Slow));
    }

    #[test]
    fn a_request_that_is_being_answered_is_left_to_its_own_time_out() {
        let (connection, now) = new();
        let (one, other) = (connection.clone().begin(), connection.clone().begin());
        drop(one);
        assert_eq!(connection.due(now + 10 * IDLE, Some(now)), None);
        drop(other);
        assert_eq!(connection.due(now + SILENCE, Some(now)), Some(End::Quietly));
    }

    #[test]
    fn who_does_not_read_is_cut_also_while_busy() {
        let (connection, now) = new();
        let _request = connection.clone().begin();
        connection.wrote(true);
        connection.clock.set(just_before(now + UNREAD));
        connection.wrote(true);
        assert_eq!(connection.due(now + UNREAD, None), Some(End::Cut));
        connection.wrote(false);
        assert_eq!(connection.due(now + UNREAD, None), None);
    }

    #[test]
    fn a_head_that_waits_for_an_answer_to_be_read_is_not_slow() {
        let (connection, now) = new();
        connection.wrote(true);
        connection.read();
        assert_eq!(connection.due(now + HEAD, None), None);
        connection.clock.set(now + HEAD);
        connection.wrote(false);
        assert_eq!(connection.due(now + HEAD, None), None);
        assert_eq!(connection.due(now + HEAD + HEAD, None), Some(End::Slow));
    }

    #[test]
    fn in_a_stop_what_is_silent_ends_and_what_speaks_does_not() {
        let (connection, now) = new();
        let stopping = Some(now + IDLE / 2);
        let silent = now + IDLE / 2 + SILENCE;
        assert_eq!(connection.due(just_before(silent), stopping), None, "silent for long, but the stop has just begun");
        assert_eq!(connection.due(silent, stopping), Some(End::Quietly));
        connection.clock.set(just_before(silent));
        connection.wrote(false);
        assert_eq!(connection.due(silent, stopping), None);
        connection.read();
        assert_eq!(connection.due(silent + SILENCE, stopping), None);
    }

    #[test]
    fn after_the_last_answer_what_is_left_of_a_body_is_not_waited_for() {
        let (connection, now) = new();
        let request = connection.clone().begin();
        drop(request);
        connection.leave();
        connection.read();
        assert_eq!(connection.due(now + LINGER, None), Some(End::Quietly));
    }

    #[test]
    fn after_a_handshake_something_has_to_come() {
        let (connection, now) = new();
        connection.shook_hands(false);
        assert_eq!(connection.due(just_before(now + HEAD), None), None);
        assert_eq!(connection.due(now + HEAD, None), Some(End::Quietly), "nobody has begun a head that is slow");
        connection.clock.set(now + HEAD);
        connection.read();
        assert_eq!(connection.due(just_before(now + HEAD + HEAD), None), None);
        drop(connection.clone().begin());
        assert_eq!(connection.due(now + HEAD + HEAD, None), None);
    }

    #[test]
    fn frames_of_http_2_are_no_head_but_have_to_come_whole() {
        let (connection, now) = new();
        connection.shook_hands(true);
        connection.read();
        connection.read_frames(false, false);
        assert_eq!(connection.due(now + HEAD, None), Some(End::Quietly), "the preface does not come");
        connection.read_frames(true, true);
        assert_eq!(connection.due(now + HEAD, None), None);
        assert_eq!(connection.due(now + IDLE, None), Some(End::Quietly));
        connection.clock.set(now + HEAD);
        connection.read_frames(false, false);
        connection.clock.set(just_before(now + HEAD + HEAD));
        connection.read_frames(false, false);
        assert_eq!(connection.due(now + HEAD + HEAD, None), Some(End::Quietly), "each byte does not begin it anew");
        connection.read_frames(true, false);
        assert_eq!(connection.due(now + HEAD + HEAD, None), None, "but each frame does");
        let _request = connection.clone().begin();
        assert_eq!(connection.due(now + 10 * IDLE, None), None, "and what is being answered is not cut off");
    }

    #[test]
    fn only_what_is_of_no_use_makes_room() {
        let (connection, now) = new();
        assert_eq!(connection.idle_since(), Some(now));
        let request = connection.clone().begin();
        assert_eq!(connection.idle_since(), None);
        drop(request);
        connection.wrote(true);
        assert_eq!(connection.idle_since(), None);
    }
}
