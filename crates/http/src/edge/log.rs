//! What the access log needs of a request's headers.

use actix_web::http::header::HeaderMap;

use super::{caller, request_id};

/// The headers of a request that are logged, copied before the request is handed on.
#[derive(Default)]
pub(super) struct LoggedHeaders {
    pub(super) user_agent: Option<Box<str>>,
    /// From the client's `traceparent`, or of the trace that is collected here.
    pub(super) trace_id: Option<Box<str>>,
}

impl LoggedHeaders {
    /// Copies them from `headers`.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            user_agent: caller::user_agent(headers).map(Into::into),
            trace_id: request_id::trace_id(headers).map(Into::into),
        }
    }
}
