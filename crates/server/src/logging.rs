//! Where log lines go, and how they look.

mod json;
mod lines;

use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use self::{json::Json, lines::Lines};
use crate::config::{Config, LogFormat};

/// Writes what waits to be logged when it is dropped: keep it until the process ends.
pub(crate) struct Rest(Option<Lines>);

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(lines) = &self.0 {
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

/// Log lines go to stdout from now on.
pub(crate) fn start(config: &Config) -> Rest {
    let level = level(&config.log_level);
    let (layer, lines) = match config.log_format {
        LogFormat::Pretty => (fmt::layer().compact().boxed(), None),
        LogFormat::Json => {
            let lines = Lines::into(io::stdout());
            // Where somebody reads along nothing waits, nor where the system has no thread left.
            let gathers = !io::stdout().is_terminal() && lines.start().is_ok();
            (Json::new(lines.clone(), gathers).boxed(), Some(lines))
        }
    };
    // A second start in one process keeps the first one's.
    tracing_subscriber::registry().with(level).with(layer).try_init().ok();
    Rest(lines)
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
