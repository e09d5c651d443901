//! How a worker works.

use std::time::Duration;

/// How a worker works. The defaults are for every deployment; tests make things faster.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// How long a lease lasts, 60 seconds at most. It is renewed three times in that.
    pub lease: Duration,
    /// How soon jobs of other processes are looked for after there were some. It is doubled each time that there are none,
    /// until [`max_poll_interval`](Self::max_poll_interval).
    pub min_poll_interval: Duration,
    /// How often jobs are looked for when there were none for a while.
    pub max_poll_interval: Duration,
    /// How often leases that ran out are looked for.
    pub rescue_interval: Duration,
    /// How often waiting jobs are counted for the metrics.
    pub count_interval: Duration,
    /// How long a stop waits for the jobs that run. Those that run longer are given back.
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
