//! Where log lines go, and how they look.

mod json;
mod lines;

use std::io::{self, IsTerminal};

use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

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

/// Log lines go to stdout from now on.
pub(crate) fn start(config: &Config) -> Rest {
    let level: Targets = config.log_level.parse().unwrap_or_default();
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
