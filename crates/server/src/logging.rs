//! Where log lines go, and how they look.

mod json;
mod lines;

use std::io::{self, IsTerminal};

use anyhow::Result;
use entrepot_domain::IdGenerator;
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

use self::{json::Json, lines::Lines};
use crate::config::{Config, Database, LogFormat};

/// Sends and writes what waits to be told when it is dropped: keep it until the process ends.
pub(crate) struct Rest {
    /// Dropped first, as it may have something to log.
    traces: Option<Traces>,
    lines: Option<Lines>,
}

impl Drop for Rest {
    fn drop(&mut self) {
        drop(self.traces.take());
        if let Some(lines) = &self.lines {
            lines.flush();
        }
    }
}

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
    // A second start in one process keeps the first one's.
    let Some(options) = &config.traces else {
        let (output, lines) = output(config);
        tracing_subscriber::registry().with(level).with(output).try_init().ok();
        return Ok(Rest { traces: None, lines });
    };
    let traces = Traces::start(options, UuidV7.next())?;
    trace_statements(match &config.database {
        Database::Sqlite(_) => Engine::Sqlite,
        Database::Postgres(_) => Engine::Postgres,
    })?;
    let (output, lines) = output(config);
    tracing_subscriber::registry().with(output.with_filter(level)).with(traces.layer()).try_init().ok();
    Ok(Rest { traces: Some(traces), lines })
}

/// What writes lines, and those that wait to be written.
fn output<S>(config: &Config) -> (Box<dyn Layer<S> + Send + Sync>, Option<Lines>)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    match config.log_format {
        LogFormat::Pretty => (fmt::layer().compact().boxed(), None),
        LogFormat::Json => {
            let lines = Lines::into(io::stdout());
            // Where somebody reads along nothing waits, nor where the system has no thread left.
            let gathers = !io::stdout().is_terminal() && lines.start().is_ok();
            (Json::new(lines.clone(), gathers).boxed(), Some(lines))
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
