//! The settings of a server.

use std::{sync::Arc, time::Duration};

use crate::{Certificates, Timeouts};

/// The settings of a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that serve connections; at least one.
    pub workers: usize,
    /// The maximum number of connections. When it is reached, those that have been idle for longest are closed.
    pub max_connections: usize,
    /// If set, clients connect with TLS.
    pub certificates: Option<Arc<Certificates>>,
    pub timeouts: Timeouts,
    /// How long requests are served as usual after a stop was requested, so that load balancers notice it.
    pub shutdown_grace: Duration,
    /// The maximum duration of a stop, including the grace period; what is in flight then is cut off.
    pub shutdown_timeout: Duration,
    /// The number of tasks of the current worker's thread that have to be completed although no client waits for them.
    /// A worker does not end before this is 0.
    pub unfinished_work: fn() -> usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 1,
            max_connections: 25_000,
            certificates: None,
            timeouts: Timeouts::default(),
            shutdown_grace: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
            unfinished_work: || 0,
        }
    }
}
