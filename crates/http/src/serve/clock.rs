//! The time of a worker.

use std::{
    cell::Cell,
    time::{Instant, SystemTime},
};

use actix_web::http::header::HttpDate;

/// A time as an answer says it (RFC 9110 5.6.7).
pub(super) type Date = [u8; 29];

const EPOCH: Date = *b"Thu, 01 Jan 1970 00:00:00 GMT";

/// The time of a worker, which is told it now and then. To look at the real clock would cost each request more than
/// all else that is looked at.
pub(super) struct Clock {
    now: Cell<Instant>,
    date: Cell<Date>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { now: Cell::new(Instant::now()), date: Cell::new(date()) }
    }

    /// Looks at the real clock.
    pub(super) fn tick(&self) -> Instant {
        self.date.set(date());
        self.now.set(Instant::now());
        self.now.get()
    }

    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(super) fn date(&self) -> Date {
        self.date.get()
    }

    /// Another time.
    #[cfg(test)]
    pub(super) fn set(&self, now: Instant) {
        self.now.set(now);
    }
}

#[allow(clippy::disallowed_methods, reason = "the date of an answer is the protocol's matter, not the domain's")]
pub(super) fn date() -> Date {
    HttpDate::from(SystemTime::now()).to_string().as_bytes().try_into().unwrap_or(EPOCH)
}
