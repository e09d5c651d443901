//! Tells whoever wants to know that the server stops.

use tokio::sync::watch;

/// Whether the server is stopping. Answers without an end, such as server-sent events and `WebSocket`s, have to be ended
/// by the application when it is; the server waits for them until its shutdown time-out is over.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stopping {
    /// Whether the stop has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the stop has begun.
    pub async fn begun(&self) {
        // The sender lives as long as this does.
        self.0.subscribe().wait_for(|stopping| *stopping).await.ok();
    }

    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }
}
