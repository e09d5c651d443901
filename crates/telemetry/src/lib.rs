//! Traces, exported to a collector with OTLP over HTTP, and business metrics.
//!
//! Spans are `tracing` spans with the target [`TARGET`]. The edge creates the span of a request, also for the log; the
//! decorators in [`ports`] create those of calls to a store, and [`trace_statements`] those of statements. Without a
//! configured collector there is no decorator and no instrumentation, and a filter disables the target.
//!
//! Spans contain patterns, names and codes, never a path, a parameter or an error message.

mod counted;
mod exporter;
mod mail;
mod options;
pub mod ports;
mod statements;

use std::time::Duration;

use anyhow::{Context, Result};
pub use counted::{CountedLogins, CountedOrders};
use exporter::LoggedExporter;
pub use mail::CountedMailer;
use opentelemetry::{
    KeyValue, global,
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
pub use options::{Sampling, TraceOptions};
pub use statements::{Engine, trace_statements};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use uuid::Uuid;

/// The target of all spans that are only for traces. The edge checks whether it is enabled.
pub const TARGET: &str = "entrepot_trace";

/// The target of the span of each request.
const REQUEST_TARGET: &str = "http";

/// The time-out of one export.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(4);

/// The time-out of the last export, which delays the end of the process.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval between exports.
const EXPORT_INTERVAL: Duration = Duration::from_secs(2);

/// Whether what runs now is part of a trace. Only requests begin traces: background work would make traces of one span
/// each.
fn is_in_trace() -> bool {
    Span::current().context().span().span_context().is_valid()
}

/// Collects spans and exports them in a thread of its own. Spans that the collector does not accept in time are lost;
/// nothing waits for it.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts to collect spans for the process with this identifier. Exports nothing yet, so an unavailable collector
    /// is no error.
    ///
    /// # Errors
    /// The options contain no valid collector.
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

    /// Returns the layer that collects the spans of traces.
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

/// Selects spans with our target, and the span of each request, which the edge creates for the log as well.
fn is_for_traces(metadata: &Metadata<'_>) -> bool {
    let is_of_a_request = metadata.is_span() && metadata.target() == REQUEST_TARGET;
    *metadata.level() == Level::INFO && (metadata.target() == TARGET || is_of_a_request)
}

impl Drop for Traces {
    /// Exports the remaining spans, or gives up after the time-out.
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// The attributes of this process.
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
