//! The traces that jobs belong to.

use std::collections::HashMap;

use entrepot_domain::job::{Claimed, TraceParent};
use opentelemetry::global;
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The name of the header in W3C Trace Context.
const HEADER: &str = "traceparent";

/// Returns the current trace; `None` if traces are not collected.
pub(crate) fn current() -> Option<TraceParent> {
    if !tracing::enabled!(target: "entrepot_trace", Level::INFO) {
        return None;
    }
    let mut carrier = HashMap::new();
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    carrier.remove(HEADER).and_then(|text| TraceParent::parse(text).ok())
}

/// The span of an attempt: a part of the trace of the request that the job follows from, if there is one. Only requests
/// begin traces. Log lines within the span name the job.
pub(crate) fn span(job: &Claimed) -> Span {
    let log = tracing::info_span!("job", job_id = %job.lease.job, kind = %job.kind, attempt = job.attempt);
    let is_collected = tracing::enabled!(target: "entrepot_trace", Level::INFO);
    let Some(trace) = job.trace.as_ref().filter(|_| is_collected) else { return log };
    let span = tracing::info_span!(
        target: "entrepot_trace",
        parent: &log,
        "job",
        otel.name = format!("job {}", job.kind),
        otel.kind = "consumer",
        job_id = %job.lease.job,
        attempt = job.attempt,
    );
    let carrier = HashMap::from([(HEADER.to_owned(), trace.as_str().to_owned())]);
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&carrier));
    span.set_parent(parent).ok();
    span
}
