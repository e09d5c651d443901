//! Metrics of HTTP. Labels are few: route patterns instead of paths, and one name for everything unknown. Orders and
//! logins are counted behind the use cases, not here.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use actix_web::http::{Method, StatusCode};
use entrepot_application::Error;
use entrepot_domain::Subject;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};

use crate::error::ApiError;

/// Upper bounds of the histogram in seconds: from an answer out of the cache to the default request time-out.
const BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The metrics of all workers together.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    limited: IntCounterVec,
    feeds: IntGaugeVec,
    operations: IntCounterVec,
    operation_durations: HistogramVec,
}

impl Metrics {
    /// All at zero.
    #[allow(clippy::expect_used, reason = "names and labels are constants; each test that makes a state proves them")]
    pub(crate) fn new() -> Self {
        Self::build().expect("good names")
    }

    fn build() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let build = IntGaugeVec::new(Opts::new("build_info", "The version that is running."), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        add(&registry, build)?;
        let limited =
            IntCounterVec::new(Opts::new("rate_limited_total", "Requests refused, by the limit."), &["limit"])?;
        for limit in Subject::LIMITS {
            limited.with_label_values(&[limit]);
        }
        let feeds = IntGaugeVec::new(Opts::new("live_feeds_open", "Live feeds that are open."), &["transport"])?;
        for transport in ["graphql_sse", "graphql_ws", "sse", "ws"] {
            feeds.with_label_values(&[transport]);
        }
        Ok(Self {
            requests: add(
                &registry,
                IntCounterVec::new(
                    Opts::new("http_requests_total", "Requests that were answered."),
                    &["method", "route", "status"],
                )?,
            )?,
            durations: add(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new("http_request_duration_seconds", "From a request's head to its answer's.")
                        .buckets(BUCKETS.to_vec()),
                    &["method", "route"],
                )?,
            )?,
            in_flight: add(&registry, IntGauge::new("http_requests_in_flight", "Requests not answered yet.")?)?,
            limited: add(&registry, limited)?,
            feeds: add(&registry, feeds)?,
            operations: add(
                &registry,
                IntCounterVec::new(
                    Opts::new("graphql_operations_total", "GraphQL operations, by their root field."),
                    &["type", "field", "outcome"],
                )?,
            )?,
            operation_durations: add(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new("graphql_operation_duration_seconds", "How long GraphQL operations took.")
                        .buckets(BUCKETS.to_vec()),
                    &["type", "field"],
                )?,
            )?,
            registry,
        })
    }

    /// All metrics in the text format of Prometheus.
    pub(crate) fn text(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    /// A request that is in flight until this is dropped.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A live feed that is open until this is dropped.
    pub(crate) fn open_feed(&self, transport: &str) -> InFlight {
        let open = self.feeds.with_label_values(&[transport]);
        open.inc();
        InFlight(open)
    }

    /// Counts a GraphQL operation. There have to be few names of fields.
    pub(crate) fn operation(&self, kind: &str, field: &str, outcome: &str, took: Duration) {
        self.operations.with_label_values(&[kind, field, outcome]).inc();
        self.operation_durations.with_label_values(&[kind, field]).observe(took.as_secs_f64());
    }

    /// Counts a refused request, if it was refused for a rate limit.
    pub(crate) fn limited(&self, refusal: &ApiError) {
        if let ApiError::UseCase(Error::RateLimited { limit, .. }) = refusal {
            self.limited.with_label_values(&[*limit]).inc();
        }
    }
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// Decrements the gauge when dropped, also after a panic or a disconnect.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The counters that a worker has used before, so that it need not look them up by their labels. Among so few routes a
/// tree is faster than a hash map.
#[derive(Default)]
pub(crate) struct Handles(RefCell<BTreeMap<Box<str>, Vec<Handle>>>);

struct Handle {
    method: &'static str,
    status: StatusCode,
    requests: IntCounter,
    duration: prometheus::Histogram,
}

impl Handles {
    /// Counts a request that was answered.
    pub(crate) fn record(&self, all: &Metrics, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = label(method);
        let mut known = self.0.borrow_mut();
        let handles = match known.get_mut(route) {
            Some(handles) => handles,
            None => known.entry(route.into()).or_default(),
        };
        if let Some(handle) = handles.iter().find(|handle| handle.status == status && handle.method == method) {
            return handle.record(took);
        }
        let handle = Handle {
            method,
            status,
            requests: all.requests.with_label_values(&[method, route, status.as_str()]),
            duration: all.durations.with_label_values(&[method, route]),
        };
        handle.record(took);
        handles.push(handle);
    }
}

impl Handle {
    fn record(&self, took: Duration) {
        self.requests.inc();
        self.duration.observe(took.as_secs_f64());
    }
}

/// The label of a method; clients can make methods up, so the unknown ones share one.
pub(crate) fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
