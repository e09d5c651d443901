//! How a server behaves.

use std::{sync::Arc, time::Duration};

use crate::{Certificates, Timeouts};

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads that serve connections; at least one.
    pub workers: usize,
    /// The most connections at a time. When there are as many, the ones that have been idle for longest are closed.
    pub max_connections: usize,
    /// With these, clients connect through TLS.
    pub certificates: Option<Arc<Certificates>>,
    /// How long clients may be slow.
    pub timeouts: Timeouts,
    /// How long everything is served as before after the stop was requested, so that load balancers notice it.
    pub shutdown_grace: Duration,
    /// How long the whole stop may take, the grace included; what is in flight then is cut off.
    pub shutdown_timeout: Duration,
    /// How many pieces of work the current worker's thread still has to finish although no client waits for them. A
    /// worker does not end before this is 0.
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
