//! The settings of a worker.

use std::time::Duration;

/// The settings of a worker. The defaults suit every deployment; tests use shorter intervals.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// The duration of a lease, at most 60 seconds. It is renewed three times within it.
    pub lease: Duration,
    /// The interval between polls for jobs of other processes after a poll that found some. It doubles with each poll
    /// that finds none, up to [`max_poll_interval`](Self::max_poll_interval).
    pub min_poll_interval: Duration,
    /// The maximum interval between polls.
    pub max_poll_interval: Duration,
    /// The interval between rescues of jobs with expired leases.
    pub rescue_interval: Duration,
    /// The interval between counts of waiting jobs for the metrics.
    pub count_interval: Duration,
    /// The time for which a shutdown waits for running jobs. Jobs that run longer are released.
    pub shutdown_timeout: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            min_poll_interval: Duration::from_millis(10),
            max_poll_interval: Duration::from_millis(250),
            rescue_interval: Duration::from_secs(5),
            count_interval: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}
