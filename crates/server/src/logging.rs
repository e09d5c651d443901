//! Where log lines go, and in which format.
//!
//! - `access`: the line of each request, as JSON
//! - `batch`: the writer that both kinds of JSON lines share

mod access;
mod batch;
#[cfg(test)]
mod memory;

use std::{
    env,
    io::{self, IsTerminal},
    sync::Arc,
};

use anyhow::Result;
use entrepot_domain::IdGenerator;
use entrepot_http::{AccessLog, TracingAccessLog};
use entrepot_memory::UuidV7;
use entrepot_telemetry::{Engine, TARGET, Traces, trace_statements};
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use self::{access::JsonAccessLog, batch::BatchWriter};
use crate::config::{Config, Database, LogFormat};

/// Flushes log lines and traces when it is dropped: keep it until the process ends.
pub(crate) struct LogGuard {
    /// Dropped first, as it may log.
    traces: Option<Traces>,
    writer: Option<BatchWriter>,
    access_log: Arc<dyn AccessLog>,
}

impl LogGuard {
    /// Where the lines of requests go.
    pub(crate) fn access_log(&self) -> Arc<dyn AccessLog> {
        Arc::clone(&self.access_log)
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        drop(self.traces.take());
        if let Some(writer) = &self.writer {
            writer.write_waiting();
        }
    }
}

/// The target of the access log.
const ACCESS: &str = "http";

/// The target that logs each malformed request as an error. Anybody can send such requests, as many as they like.
const MALFORMED_REQUESTS: &str = "actix_http::h1::dispatcher";

/// The filter of `LOG_LEVEL`. Malformed requests are logged only at `debug`, or if their target is named.
fn filter(log_level: &str) -> Targets {
    let filter: Targets = log_level.parse().unwrap_or_default();
    if filter.would_enable(MALFORMED_REQUESTS, &Level::DEBUG) || log_level.contains("actix_http") {
        return filter;
    }
    filter.with_target(MALFORMED_REQUESTS, LevelFilter::OFF)
}

/// Sends log lines to stdout from now on, and traces to the collector if one is configured.
pub(crate) fn start(config: &Config) -> Result<LogGuard> {
    // Spans that are only for traces are not logged.
    let filter = filter(&config.log_level).with_target(TARGET, LevelFilter::OFF);
    let logs_requests = filter.would_enable(ACCESS, &Level::INFO);
    // In a process that has a subscriber already, that one stays.
    let Some(options) = &config.traces else {
        let (layer, guard) = output(config, logs_requests);
        tracing_subscriber::registry().with(filter).with(layer).try_init().ok();
        return Ok(guard);
    };
    let traces = Traces::start(options, UuidV7.next())?;
    trace_statements(match &config.database {
        Database::Sqlite(_) => Engine::Sqlite,
        Database::Postgres(_) => Engine::Postgres,
    })?;
    let (layer, mut guard) = output(config, logs_requests);
    tracing_subscriber::registry().with(layer.with_filter(filter)).with(traces.layer()).try_init().ok();
    guard.traces = Some(traces);
    Ok(guard)
}

/// The layer that writes log lines to stdout, and the guard of its writer.
fn output<S>(config: &Config, logs_requests: bool) -> (Box<dyn Layer<S> + Send + Sync>, LogGuard)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let is_terminal = io::stdout().is_terminal();
    match config.log_format {
        LogFormat::Pretty => {
            let colours = is_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let guard = LogGuard { traces: None, writer: None, access_log: Arc::new(TracingAccessLog) };
            (fmt::layer().compact().with_ansi(colours).boxed(), guard)
        }
        LogFormat::Json => {
            // At a terminal a person reads along: each line is written at once.
            let writer =
                if is_terminal { BatchWriter::unbatched(io::stdout()) } else { BatchWriter::batched(io::stdout()) };
            let access_log = Arc::new(JsonAccessLog::new(writer.clone(), logs_requests));
            let guard = LogGuard { traces: None, writer: Some(writer.clone()), access_log };
            (json_layer(writer), guard)
        }
    }
}

/// The layer that writes each event as one JSON object, with the fields of the span around it.
fn json_layer<S>(writer: BatchWriter) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(move || writer.clone()).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_requests_do_not_fill_the_log() {
        let logged = |log_level: &str| filter(log_level).would_enable(MALFORMED_REQUESTS, &Level::ERROR);
        assert!(!logged("info") && !logged("warn,entrepot_sqlite=debug") && !logged("error"));
        assert!(logged("debug") && logged("trace") && logged("info,actix_http=error"));
        assert!(filter("info").would_enable("http", &Level::INFO));
        assert!(!filter("info").would_enable("http", &Level::DEBUG));
    }

    #[test]
    fn event_has_the_fields_of_the_span_around_it() {
        let memory = memory::Memory::default();
        let subscriber = tracing_subscriber::registry().with(json_layer(BatchWriter::unbatched(memory.clone())));
        tracing::subscriber::with_default(subscriber, || {
            let late = tracing::field::Empty;
            let span = tracing::warn_span!(target: "t", "request", request_id = "r1", trace_id = None::<&str>, late);
            span.record("late", 5);
            span.in_scope(|| tracing::warn!(target: "t", text = "a \"b\"\n\u{1}", "inside"));
            tracing::error!(target: "t", "outside");
        });
        let [inside, outside]: [String; 2] = memory.lines().try_into().unwrap();
        assert!(
            inside.contains(r#""level":"WARN","message":"inside","text":"a \"b\"\n\u0001","target":"t""#),
            "{inside}"
        );
        assert!(inside.ends_with(r#","span":{"late":5,"request_id":"r1","name":"request"}}"#), "{inside}");
        assert!(outside.ends_with(r#"Z","level":"ERROR","message":"outside","target":"t"}"#), "{outside}");
    }
}
