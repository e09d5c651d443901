//! The access log: one line for each request.

use std::{fmt, net::IpAddr, time::Duration};

use actix_web::http::StatusCode;
use entrepot_domain::{UserId, api_key::KeyPrefix};
use serde::{Serialize, Serializer};

/// What is logged of a request. Never a path, a query or a body: they may contain secrets.
///
/// Its field names are those of the log line.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AccessLine<'a> {
    /// As the client wrote it.
    pub method: &'a str,
    /// The pattern of the path, or `unmatched`.
    pub route: &'a str,
    /// The status of the response.
    #[serde(serialize_with = "number")]
    pub status: StatusCode,
    /// From the request's head to its response.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// The user whose token or API key was sent.
    #[serde(serialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The API key that was sent.
    #[serde(serialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub api_key: Option<KeyPrefix>,
    /// The client's: the socket's, or the one that a trusted proxy forwards.
    pub address: IpAddr,
    /// The `User-Agent` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<&'a str>,
    /// The `x-request-id` of the response.
    pub request_id: &'a str,
    /// The trace that the request is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<&'a str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

fn milliseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(millis(*took))
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn text<S: Serializer>(value: &Option<impl fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// Milliseconds with three decimals.
fn millis(took: Duration) -> f64 {
    f64::from(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}

/// Where the lines of requests go. `write` delays the response, so it must not block.
pub trait AccessLog: Send + Sync {
    /// Whether lines are written at all; if not, nothing is collected for them.
    fn is_on(&self) -> bool;

    /// Writes the line of a request.
    fn write(&self, line: &AccessLine<'_>);
}

/// Logs each request as a [`tracing`] event of the target `http`.
pub struct TracingAccessLog;

impl AccessLog for TracingAccessLog {
    fn is_on(&self) -> bool {
        tracing::enabled!(target: "http", tracing::Level::INFO)
    }

    fn write(&self, line: &AccessLine<'_>) {
        tracing::info!(
            target: "http",
            method = line.method,
            route = line.route,
            status = line.status.as_u16(),
            duration_ms = millis(line.took),
            user = line.user.map(tracing::field::display),
            api_key = line.api_key.map(tracing::field::display),
            address = %line.address,
            user_agent = line.user_agent,
            request_id = line.request_id,
            trace_id = line.trace_id,
            "request",
        );
    }
}
