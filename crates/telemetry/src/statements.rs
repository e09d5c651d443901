//! A span for each SQL statement.

use std::fmt::{self, Write};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The most bytes of a statement that are told; those with many lines grow with what they write.
const MAX_TEXT_BYTES: usize = 2_048;

/// What diesel writes between a statement and its parameters, which are nobody's business.
const BINDS_MARKER: &str = " -- binds:";

/// Who runs statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A server.
    Postgres,
}

/// From now on each new connection makes a span for each statement that is part of a trace. Those of the store itself,
/// such as its sign of life, are part of none.
///
/// # Errors
/// Somebody panicked while doing the same.
pub fn trace_statements(engine: Engine) -> anyhow::Result<()> {
    let set = set_default_instrumentation(match engine {
        Engine::Sqlite => || Some(Box::new(StatementSpans::of("sqlite"))),
        Engine::Postgres => || Some(Box::new(StatementSpans::of("postgresql"))),
    });
    Ok(set?)
}

/// The statement that a connection runs.
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
            InstrumentationEvent::StartQuery { query, .. } if !Span::current().is_none() => {
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

/// The statement with places for its parameters, and without these.
fn text_of(query: &dyn fmt::Display) -> String {
    let mut text = Bounded(String::new());
    // An error means that there is enough of it.
    write!(text, "{query}").ok();
    text.0
}

/// The word that says what a statement does, if it is one that is known: few, as names have to be.
fn operation(text: &str) -> &'static str {
    let known = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"];
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    known.into_iter().find(|known| known.eq_ignore_ascii_case(first)).unwrap_or("OTHER")
}

/// Takes text up to its bound, or up to where parameters begin.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        // The mark may come in pieces.
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
