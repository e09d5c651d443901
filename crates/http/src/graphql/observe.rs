//! Metrics and traces of operations, by their root field.

use std::time::Instant;

use entrepot_graphql::{Outcome, Prepared};
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::metrics::Metrics;

/// An operation that runs.
pub(super) struct Observed {
    began: Instant,
    kind: &'static str,
    field: String,
}

impl Observed {
    pub(super) fn begin(prepared: &Prepared) -> Self {
        Self { began: Instant::now(), kind: prepared.kind(), field: prepared.field().to_owned() }
    }

    /// Counts the operation. Clients can make names up, so only those that the schema has are told.
    pub(super) fn end(self, metrics: &Metrics, outcome: Outcome) {
        let (field, outcome) = match outcome {
            Outcome::Succeeded => (self.field.as_str(), "succeeded"),
            Outcome::Failed => (self.field.as_str(), "failed"),
            Outcome::Invalid => ("invalid", "invalid"),
        };
        metrics.operation(self.kind, field, outcome, self.began.elapsed());
        if tracing::enabled!(target: "entrepot_trace", Level::INFO) {
            let span = Span::current();
            span.set_attribute("graphql.operation.type", self.kind);
            span.set_attribute("graphql.operation.name", field.to_owned());
        }
    }
}
