//! How deliveries are sent.

use std::time::Duration;

/// How deliveries are sent. The defaults are for every deployment; tests make things faster.
#[derive(Debug, Clone, Copy)]
pub struct DeliverySettings {
    /// How many are sent at once.
    pub concurrency: u32,
    /// How many of these may go to endpoints that fail. The others are for those that do not.
    pub failing_concurrency: u32,
    /// How many may go to one endpoint at once, unless it fails.
    pub per_endpoint: u32,
    /// How long a lease lasts: longer than any attempt, as nobody renews it.
    pub lease: Duration,
    /// How often to look for deliveries that are due: so much later than it should be may a retry be.
    pub poll_interval: Duration,
    /// How often what waits is counted for the metrics.
    pub count_interval: Duration,
    /// How long a stop waits for what is being sent. What takes longer is sent again when its lease has run out.
    pub shutdown_timeout: Duration,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            concurrency: 128,
            failing_concurrency: 32,
            per_endpoint: 8,
            lease: Duration::from_secs(30),
            poll_interval: Duration::from_millis(250),
            count_interval: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
