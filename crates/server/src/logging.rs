//! Where log lines go, and how they look.

mod access;
mod json;
#[cfg(test)]
mod kept;
mod lines;
mod stamp;

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use anyhow::Result;
use entrepot_domain::IdGenerator;
use entrepot_http::{AccessLog, AsEvents};
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

use self::{
    access::{JsonLines, Off},
    json::Json,
    lines::Lines,
};
use crate::config::{Config, Database, LogFormat};

/// Sends and writes what waits to be told when it is dropped: keep it until the process ends.
pub(crate) struct Rest {
    /// Dropped first, as it may have something to log.
    traces: Option<Traces>,
    lines: Option<Lines>,
    access_log: Arc<dyn AccessLog>,
}

impl Rest {
    /// Where the lines of requests go.
    pub(crate) fn access_log(&self) -> Arc<dyn AccessLog> {
        Arc::clone(&self.access_log)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        drop(self.traces.take());
        if let Some(lines) = &self.lines {
            lines.flush();
        }
    }
}

/// Tells of each request that was answered.
const REQUESTS: &str = "http";

/// Tells of each request that is no HTTP, as an error. Anybody can send such, as many as they like.
const STRANGERS: &str = "actix_http::h1::dispatcher";

/// What is logged. Strangers' mistakes only for who looks for them: at the level of debug, or by name.
fn level(text: &str) -> Targets {
    let level: Targets = text.parse().unwrap_or_default();
    if level.would_enable(STRANGERS, &Level::DEBUG) || text.contains("actix_http") {
        return level;
    }
    level.with_target(STRANGERS, LevelFilter::OFF)
}

/// Log lines go to stdout from now on, and traces to whoever collects them.
pub(crate) fn start(config: &Config) -> Result<Rest> {
    // What is for traces is nothing for people.
    let level = level(&config.log_level).with_target(TARGET, LevelFilter::OFF);
    let tells_of_requests = level.would_enable(REQUESTS, &Level::INFO);
    // A second start in one process keeps the first one's.
    let Some(options) = &config.traces else {
        let (output, rest) = output(config, tells_of_requests);
        tracing_subscriber::registry().with(level).with(output).try_init().ok();
        return Ok(rest);
    };
    let traces = Traces::start(options, UuidV7.next())?;
    trace_statements(match &config.database {
        Database::Sqlite(_) => Engine::Sqlite,
        Database::Postgres(_) => Engine::Postgres,
    })?;
    let (output, mut rest) = output(config, tells_of_requests);
    tracing_subscriber::registry().with(output.with_filter(level)).with(traces.layer()).try_init().ok();
    rest.traces = Some(traces);
    Ok(rest)
}

/// What writes lines, and what is kept beside it.
fn output<S>(config: &Config, tells_of_requests: bool) -> (Box<dyn Layer<S> + Send + Sync>, Rest)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let rest = |lines, access_log| Rest { traces: None, lines, access_log };
    match config.log_format {
        LogFormat::Pretty => (fmt::layer().compact().boxed(), rest(None, Arc::new(AsEvents))),
        LogFormat::Json => {
            let lines = Lines::into(io::stdout());
            // Where somebody reads along nothing waits, nor where the system has no thread left.
            let gathers = !io::stdout().is_terminal() && lines.start().is_ok();
            let access_log: Arc<dyn AccessLog> =
                if tells_of_requests { Arc::new(JsonLines::new(lines.clone(), gathers)) } else { Arc::new(Off) };
            (Json(lines.clone()).boxed(), rest(Some(lines), access_log))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_fill_the_log() {
        let told = |text: &str| level(text).would_enable(STRANGERS, &Level::ERROR);
        assert!(!told("info") && !told("warn,entrepot_sqlite=debug") && !told("error"));
        assert!(told("debug") && told("trace") && told("info,actix_http=error"));
        assert!(level("info").would_enable("http", &Level::INFO) && !level("info").would_enable("http", &Level::DEBUG));
    }
}
