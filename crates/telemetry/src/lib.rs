//! Traces: what a request did and how long each part took, told to a collector that speaks OTLP over HTTP.
//!
//! Spans are those of `tracing` with the target [`TARGET`]: the request's is made at the edge for the log too, those of calls to a store
//! by the decorators in [`ports`], and those of statements by [`trace_statements`]. Where no collector is configured
//! nothing of this is there: no decorator, no instrumentation, and a filter that turns the target off where it is
//! written down.
//!
//! They tell patterns, names and codes, never a path, a parameter or an error's words.

mod counted;
mod exporter;
mod options;
pub mod ports;
mod statements;

use std::time::Duration;

use anyhow::{Context, Result};
pub use counted::{CountedLogins, CountedOrders};
use exporter::LoggedExporter;
use opentelemetry::{KeyValue, global, trace::TracerProvider};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
pub use options::{Sampling, TraceOptions};
pub use statements::{Engine, trace_statements};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use uuid::Uuid;

/// The target of all spans that are for traces alone. The edge asks whether it is collected.
pub const TARGET: &str = "entrepot_trace";

/// The target of the span of each request.
const REQUEST_TARGET: &str = "http";

/// How long a collector may take for one batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the end of the process may wait for what is still to be sent.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How often what was gathered is sent.
const EXPORT_INTERVAL: Duration = Duration::from_secs(2);

/// What is gathered and sent, by a thread of its own. What a collector does not take in time is lost; nobody waits.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts to gather, for the process that is named so. Nothing is sent yet, so a collector that is away is no error.
    ///
    /// # Errors
    /// The options name no collector that could be asked.
    pub fn start(options: &TraceOptions, instance: Uuid) -> Result<Self> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(options.traces_url())
            .with_headers(options.headers.iter().cloned().collect())
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("traces cannot be sent")?;
        let batches = BatchConfigBuilder::default().with_scheduled_delay(EXPORT_INTERVAL).build();
        let processor = BatchSpanProcessor::builder(LoggedExporter::new(exporter)).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(options.sampling.sampler())
            .with_resource(resource(options, instance))
            .build();
        global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Self(provider))
    }

    /// Gathers the spans that are for traces.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("entrepot"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(filter_fn(is_for_traces).with_max_level_hint(Level::INFO))
    }
}

/// Spans of our own, and that of each request, which the edge makes for the log as well.
fn is_for_traces(metadata: &Metadata<'_>) -> bool {
    let is_of_a_request = metadata.is_span() && metadata.target() == REQUEST_TARGET;
    *metadata.level() == Level::INFO && (metadata.target() == TARGET || is_of_a_request)
}

impl Drop for Traces {
    /// Sends what was gathered, or gives it up after some seconds.
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Which process it is that tells.
fn resource(options: &TraceOptions, instance: Uuid) -> Resource {
    Resource::builder_empty()
        .with_service_name(options.service_name.clone())
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance.to_string()),
            KeyValue::new("deployment.environment.name", options.environment),
        ])
        .build()
}
