//! One line for each request.

use std::{net::IpAddr, time::Duration};

use actix_web::http::{StatusCode, header::HeaderMap};
use entrepot_domain::{UserId, api_key::KeyPrefix};

use super::request_id;

/// What the line of a request tells. Never a path, a query or a body: they may have secrets in them.
#[derive(Debug, Clone, Copy)]
pub struct AccessLine<'a> {
    /// As the client wrote it.
    pub method: &'a str,
    /// The pattern of the path, or `unmatched`.
    pub route: &'a str,
    /// What it was answered with.
    pub status: StatusCode,
    /// From its head to its answer.
    pub took: Duration,
    /// Whose token or key came with it.
    pub user: Option<UserId>,
    /// The API key that came with it.
    pub api_key: Option<KeyPrefix>,
    /// The client's, which is the socket's, or what a trusted proxy says.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<&'a str>,
    /// How answers and other lines call the request.
    pub request_id: &'a str,
    /// The trace that it is part of.
    pub trace_id: Option<&'a str>,
}

/// Where the lines of requests go. Each is written on the way of an answer, so this must not wait for anybody.
pub trait AccessLog: Send + Sync {
    /// Whether there are any lines; nothing is gathered for them otherwise.
    fn is_on(&self) -> bool;

    /// Writes the line of a request.
    fn write(&self, line: &AccessLine<'_>);
}

/// Among all that is logged, as events of the target `http`.
pub struct AsEvents;

impl AccessLog for AsEvents {
    fn is_on(&self) -> bool {
        tracing::enabled!(target: "http", tracing::Level::INFO)
    }

    fn write(&self, line: &AccessLine<'_>) {
        tracing::info!(
            target: "http",
            method = line.method,
            route = line.route,
            status = line.status.as_u16(),
            duration_ms = line.took.as_secs_f64() * 1_000.0,
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

/// What of a request's headers is logged, kept from before the request was given away.
#[derive(Default)]
pub(super) struct Agent {
    pub(super) user_agent: Option<Box<str>>,
    /// The trace that the request is part of, as its client says, or as is collected here.
    pub(super) trace_id: Option<Box<str>>,
}

impl Agent {
    /// That of a request with these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            user_agent: super::caller::user_agent(headers).map(Into::into),
            trace_id: request_id::trace_id(headers).map(Into::into),
        }
    }
}
