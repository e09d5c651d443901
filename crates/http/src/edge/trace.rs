//! The span of a request: log events within it have its fields, and it is part of a trace if traces are collected.

use std::{future::poll_fn, pin::pin};

use actix_web::{
    Error,
    dev::ServiceResponse,
    http::{
        Method,
        header::{HeaderMap, HeaderName},
    },
};
use opentelemetry::{
    global,
    propagation::Extractor,
    trace::{Status, TraceContextExt},
};
use tracing::{Level, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{context::RequestContext, log::LoggedHeaders, request_id};
use crate::metrics::label;

/// The span of one request.
pub(super) struct Trace {
    span: Span,
    is_collected: bool,
}

impl Trace {
    /// Starts the span, in the trace of the request's `traceparent` or in a new one.
    pub(super) fn begin(headers: &HeaderMap, context: &RequestContext, logged: &mut LoggedHeaders) -> Self {
        // The target that `entrepot_telemetry` collects. It is enabled only if a collector is configured.
        let is_collected = tracing::enabled!(target: "entrepot_trace", Level::INFO);
        let span = tracing::info_span!(
            target: "http",
            "request",
            request_id = context.request_id.as_str(),
            trace_id = logged.trace_id.as_deref(),
            otel.kind = is_collected.then_some("server"),
            // The following fields are OpenTelemetry's, and set only if traces are collected.
            http.request.method = Empty,
            http.route = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        if is_collected {
            if logged.trace_id.is_some() || request_id::trace_id(headers).is_some() {
                let parent = global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
                // The span was not entered yet, so its parent can be set.
                span.set_parent(parent).ok();
            }
            let context = span.context();
            let id = context.span().span_context().trace_id().to_string();
            if logged.trace_id.is_none() {
                span.record("trace_id", id.as_str());
                logged.trace_id = Some(id.into());
            }
        }
        Self { span, is_collected }
    }

    /// Runs work of the request in the span. Does not use `Instrument`, which enters the span once more to drop the
    /// future: entering costs as much as a cache hit.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| self.span.in_scope(|| work.as_mut().poll(cx))).await
    }

    /// Records the outcome of the request.
    pub(super) fn end(self, method: &Method, context: &RequestContext, answer: &Result<ServiceResponse, Error>) {
        if !self.is_collected {
            return;
        }
        let status = match answer {
            Ok(answer) => answer.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        let method = match label(method) {
            "OTHER" => "_OTHER",
            known => known,
        };
        let route = context.pattern();
        let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
        self.span.context().span().update_name(name);
        self.span.record("http.request.method", method);
        self.span.record("http.route", route);
        self.span.record("http.response.status_code", status.as_u16());
        // Client errors are no failures of the server.
        if status.is_server_error() {
            self.span.record("error.type", status.as_str());
            self.span.set_status(Status::error(""));
        }
    }
}

/// Headers, as a propagator reads them.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
