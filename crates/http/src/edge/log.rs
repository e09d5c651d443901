//! One line for each request.

use std::time::Duration;

use actix_web::http::{Method, StatusCode, header::HeaderMap};

use super::{address, caller::Passage, request_id};

/// What a line tells.
pub(super) struct Line<'a> {
    pub(super) passage: &'a Passage,
    pub(super) method: &'a Method,
    /// The pattern: paths and queries may have secrets in them.
    pub(super) route: &'a str,
    pub(super) status: StatusCode,
    pub(super) took: Duration,
    pub(super) agent: &'a Agent,
}

/// What of a request's headers is logged, kept from before the request was given away.
#[derive(Default)]
pub(super) struct Agent {
    user_agent: Option<Box<str>>,
    /// The trace that the request is part of, as its client says, or as is collected here.
    pub(super) trace_id: Option<Box<str>>,
}

impl Agent {
    /// That of a request with these headers; nothing if nothing is logged.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if !tracing::enabled!(target: "http", tracing::Level::INFO) {
            return Self::default();
        }
        Self {
            user_agent: super::caller::user_agent(headers).map(Into::into),
            trace_id: request_id::trace_id(headers).map(Into::into),
        }
    }
}

impl Line<'_> {
    /// Writes the line.
    pub(super) fn write(&self) {
        tracing::info!(
            target: "http",
            method = self.method.as_str(),
            route = self.route,
            status = self.status.as_u16(),
            duration_ms = self.took.as_secs_f64() * 1_000.0,
            user = self.passage.bearer.user().map(tracing::field::display),
            api_key = self.passage.bearer.key().map(tracing::field::display),
            address = address::text(self.passage.address),
            user_agent = self.agent.user_agent.as_deref(),
            request_id = self.passage.request_id.as_str(),
            trace_id = self.agent.trace_id.as_deref(),
            "request",
        );
    }
}
