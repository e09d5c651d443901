//! The notification of a stop.

use tokio::sync::watch;

/// Whether the server is stopping. The application has to end endless responses, such as server-sent events and
/// `WebSocket`s, when it is; the server waits for them until its shutdown time-out.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stopping {
    /// Returns whether the stop has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the stop begins.
    pub async fn begun(&self) {
        // The sender lives as long as this value.
        self.0.subscribe().wait_for(|stopping| *stopping).await.ok();
    }

    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }
}
