//! Settings and shared state of the application.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use entrepot_application::Application;
use entrepot_domain::{Currency, HealthCheck, IdGenerator, MetricSource};
use entrepot_graphql::{Graphql, GraphqlSettings};
use ipnet::IpNet;

use crate::{
    access_log::{AccessLog, TracingAccessLog},
    metrics::Metrics,
};

/// Settings of the application.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The greatest length of a request body in bytes, after decompression.
    pub body_limit: usize,
    /// How long a request may take; then the response is a 503.
    pub request_timeout: Duration,
    /// Whether this process terminates TLS, so that responses have `Strict-Transport-Security`.
    pub tls: bool,
    /// Origins whose pages may send requests (CORS); `scheme://host[:port]`, without a path.
    pub allowed_origins: Vec<String>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are used.
    pub trusted_proxies: Vec<IpNet>,
    /// Keys of cursors: the first signs, all verify.
    pub cursor_keys: Vec<[u8; 32]>,
    /// The currency of a price that names none.
    pub default_currency: Currency,
    /// Whether what helps developers alone is left out, such as the introspection of GraphQL.
    pub production: bool,
}

/// What handlers and the middleware share.
pub struct HttpState {
    /// The use cases.
    pub app: Arc<Application>,
    /// The dependencies that `/health/ready` checks.
    pub health: Vec<Arc<dyn HealthCheck>>,
    /// Makes the identifiers of requests.
    pub ids: Arc<dyn IdGenerator>,
    /// Settings of the application.
    pub settings: HttpSettings,
    pub(crate) graphql: Graphql,
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
        let app = Arc::new(app);
        let graphql = GraphqlSettings {
            production: settings.production,
            cursor_keys: settings.cursor_keys.clone(),
            default_currency: settings.default_currency,
        };
        Self {
            graphql: Graphql::new(app.clone(), graphql),
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

    /// Adds sources of metrics.
    #[must_use]
    pub fn with_metric_sources(mut self, sources: Vec<Arc<dyn MetricSource>>) -> Self {
        self.sources.extend(sources);
        self
    }

    /// Sets where the access log goes; by default its lines are `tracing` events.
    #[must_use]
    pub fn with_access_log(mut self, access_log: Arc<dyn AccessLog>) -> Self {
        self.access_log = access_log;
        self
    }

    /// Makes the server not ready, so that load balancers send no more requests, and ends the live feeds, whose clients
    /// come back elsewhere.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.app.events.stop();
    }

    /// Whether the server is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
