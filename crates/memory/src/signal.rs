//! The signal between instances, where there is one instance.

use async_trait::async_trait;
use entrepot_domain::event::EventSignal;

/// Tells nobody, and is told by nobody: without Redis, instances find by looking what others have written.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSignal;

#[async_trait]
impl EventSignal for NoSignal {
    async fn notify(&self) {}

    async fn notified(&self) {
        std::future::pending::<()>().await;
    }
}
