//! The number of open connections and its limit.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts connections against a limit.
pub(crate) struct ConnectionLimit {
    max: usize,
    open: AtomicUsize,
    closed: Notify,
}

impl ConnectionLimit {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, open: AtomicUsize::new(0), closed: Notify::new() }
    }

    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.closed.notify_one();
    }

    pub(crate) fn is_reached(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= self.max
    }

    /// Waits until a connection is closed, or returns if one was closed since the last call.
    pub(crate) async fn one_closed(&self) {
        self.closed.notified().await;
    }
}
