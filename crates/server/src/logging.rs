//! Where log lines go, and how they look.

use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// Log lines go to stdout from now on.
pub(crate) fn start(config: &Config) {
    let level: Targets = config.log_level.parse().unwrap_or_default();
    let layer = match config.log_format {
        LogFormat::Pretty => fmt::layer().compact().boxed(),
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    };
    // A second start in one process keeps the first one's.
    tracing_subscriber::registry().with(layer.with_filter(level)).try_init().ok();
}
