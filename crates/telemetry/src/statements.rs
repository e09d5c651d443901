//! Spans of SQL statements.

use std::fmt::{self, Write};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The maximum length of a recorded statement. Statements for many lines can be long.
const MAX_TEXT_BYTES: usize = 2_048;

/// The text that diesel writes between a statement and its parameters, which are not recorded.
const BINDS_MARKER: &str = " -- binds:";

/// The database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Makes each new connection create a span for every statement that is part of a trace. The store's own statements,
/// such as health checks, are part of none.
///
/// # Errors
/// Another thread panicked in this function.
pub fn trace_statements(engine: Engine) -> anyhow::Result<()> {
    let set = set_default_instrumentation(match engine {
        Engine::Sqlite => || Some(Box::new(StatementSpans::of("sqlite"))),
        Engine::Postgres => || Some(Box::new(StatementSpans::of("postgresql"))),
    });
    Ok(set?)
}

/// Creates the spans of one connection.
struct StatementSpans {
    system: &'static str,
    running: Span,
}

impl StatementSpans {
    fn of(system: &'static str) -> Self {
        Self { system, running: Span::none() }
    }
}

impl Instrumentation for StatementSpans {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } if crate::is_in_trace() => {
                let text = text_of(query);
                let operation = operation(&text);
                self.running = tracing::info_span!(
                    target: crate::TARGET,
                    "statement",
                    otel.name = operation,
                    otel.kind = "client",
                    db.system.name = self.system,
                    db.operation.name = operation,
                    db.query.text = text,
                );
            }
            InstrumentationEvent::FinishQuery { error, .. } => {
                let running = std::mem::replace(&mut self.running, Span::none());
                if error.is_some() {
                    running.set_status(Status::error(""));
                }
            }
            _ => {}
        }
    }
}

/// Returns the statement with placeholders, without its parameters.
fn text_of(query: &dyn fmt::Display) -> String {
    let mut text = Bounded(String::new());
    // An error means that the maximum length is reached.
    write!(text, "{query}").ok();
    text.0
}

/// The first keyword of a statement, or `OTHER`: span names must have few values.
fn operation(text: &str) -> &'static str {
    let known = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"];
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    known.into_iter().find(|known| known.eq_ignore_ascii_case(first)).unwrap_or("OTHER")
}

/// Takes text up to the maximum length, or up to the parameters.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        // The marker may be written in several parts.
        let from = self.0.len().saturating_sub(BINDS_MARKER.len());
        self.0.push_str(more);
        let from = self.0.floor_char_boundary(from);
        let mark = self.0.get(from..).and_then(|tail| tail.find(BINDS_MARKER)).map(|at| from + at);
        let end = mark.unwrap_or(usize::MAX).min(MAX_TEXT_BYTES);
        if self.0.len() < end {
            return Ok(());
        }
        self.0.truncate(self.0.floor_char_boundary(end));
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_never_recorded() {
        struct Query(&'static [&'static str]);
        impl fmt::Display for Query {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|part| f.write_str(part))
            }
        }
        for parts in [
            &["SELECT * FROM users WHERE email = ? -- binds: [\"ada@example.com\"]"][..],
            &["SELECT * FROM users WHERE email = ?", " -- binds: ", "[\"ada@example.com\"]"],
            &["SELECT * FROM users WHERE email = ? -", "- bi", "nds: [\"ada@example.com\"]"],
        ] {
            assert_eq!(text_of(&Query(parts)), "SELECT * FROM users WHERE email = ?");
        }
        assert_eq!(text_of(&"é".repeat(5_000)).len(), MAX_TEXT_BYTES);
    }

    #[test]
    fn operation_names_are_limited() {
        for (text, expected) in [
            ("select 1", "SELECT"),
            ("  INSERT INTO orders", "INSERT"),
            ("WITH shelf AS (SELECT 1) SELECT 2", "WITH"),
            ("(SELECT 1)", "SELECT"),
            ("PRAGMA data_version", "OTHER"),
            ("", "OTHER"),
        ] {
            assert_eq!(operation(text), expected, "{text}");
        }
    }
}
