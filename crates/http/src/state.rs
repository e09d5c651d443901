//! What every handler may ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entrepot_application::Application;
use entrepot_domain::{Currency, HealthCheck, IdGenerator, MetricSource};
use ipnet::IpNet;

use crate::edge::{AccessLog, Metrics, TracingAccessLog};

/// How the edge behaves.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The most bytes of a body, after decompression.
    pub body_limit: usize,
    /// How long a request may take before it is answered with a 503.
    pub request_timeout: Duration,
    /// Whether clients reach this process through TLS of its own, so that it may tell them to come back by no other way.
    pub tls: bool,
    /// Origins that browsers may call from; `scheme://host[:port]`, without a path.
    pub allowed_origins: Vec<String>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The first signs cursors, so that a forged one is told from ours; all are believed.
    pub cursor_keys: Vec<[u8; 32]>,
    /// The currency of a price that names none.
    pub default_currency: Currency,
}

/// What every handler may ask.
pub struct HttpState {
    /// The use cases.
    pub app: Application,
    /// What readiness asks.
    pub health: Vec<Arc<dyn HealthCheck>>,
    /// Names requests.
    pub ids: Arc<dyn IdGenerator>,
    /// How the edge behaves.
    pub settings: HttpSettings,
    pub(crate) access_log: Arc<dyn AccessLog>,
    pub(crate) metrics: Metrics,
    pub(crate) sources: Vec<Arc<dyn MetricSource>>,
    stopping: AtomicBool,
}

impl HttpState {
    /// The state of a server that is ready.
    pub fn new(
        app: Application,
        health: Vec<Arc<dyn HealthCheck>>,
        ids: Arc<dyn IdGenerator>,
        settings: HttpSettings,
    ) -> Self {
        Self {
            app,
            health,
            ids,
            settings,
            access_log: Arc::new(TracingAccessLog),
            metrics: Metrics::new(),
            sources: Vec::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// The same, telling also what these know when it is asked for metrics.
    #[must_use]
    pub fn watching(mut self, sources: Vec<Arc<dyn MetricSource>>) -> Self {
        self.sources.extend(sources);
        self
    }

    /// The same, with the lines of its requests going here. If nothing else is said they are events like all others.
    #[must_use]
    pub fn logging(mut self, requests: Arc<dyn AccessLog>) -> Self {
        self.access_log = requests;
        self
    }

    /// From now on the server is not ready, so that nobody sends it more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
