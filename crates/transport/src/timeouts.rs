//! Time-outs of clients, and the coarse clock that measures them.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant, SystemTime},
};

use actix_http::header::HttpDate;
use http::HeaderValue;

/// The time-outs of clients.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the head of a request from its first byte, for a TLS handshake, for the first request after it, and for a
    /// frame of HTTP/2.
    pub head: Duration,
    /// Between two requests. It is longer than the 60 s after which proxies close a connection, so that they do so
    /// first.
    pub idle: Duration,
    /// For a client that has stopped reading a response.
    pub unread: Duration,
    /// For reading the last response of a connection while the client is still sending.
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            unread: Duration::from_secs(30),
            linger: Duration::from_secs(2),
        }
    }
}

/// The clock of a worker, which reads the real clock only in [`tick`](Self::tick): reading it for each request would
/// cost more than all other bookkeeping.
pub(crate) struct Clock {
    pub(crate) timeouts: Timeouts,
    now: Cell<Instant>,
    date: RefCell<HeaderValue>,
}

impl Clock {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, now: Cell::new(Instant::now()), date: RefCell::new(date()) }
    }

    /// Reads the real clock.
    pub(crate) fn tick(&self) -> Instant {
        self.date.replace(date());
        self.now.set(Instant::now());
        self.now.get()
    }

    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// The value of `Date` (RFC 9110 6.6.1).
    pub(crate) fn date(&self) -> HeaderValue {
        self.date.borrow().clone()
    }

    /// Sets the time.
    #[cfg(test)]
    pub(crate) fn set(&self, now: Instant) {
        self.now.set(now);
    }
}

#[allow(clippy::disallowed_methods, reason = "the date of an answer is the protocol's matter, not the domain's")]
fn date() -> HeaderValue {
    let now = HttpDate::from(SystemTime::now()).to_string();
    HeaderValue::try_from(now).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}
