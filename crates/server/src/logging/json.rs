//! Log lines for machines: one JSON object each.
//!
//! By hand, as the lines of requests are beside it: those are too many for the formatter that `tracing-subscriber` brings,
//! and all look alike. What it writes is the same.

use std::{
    fmt::{self, Debug, Write as _},
    io::Write as _,
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::{lines::Lines, stamp::stamped};

/// Writes events as JSON, each with the fields of the span around it.
pub(super) struct Json(pub(super) Lines);

/// The fields of a span, as they are written into each line within it.
struct SpanFields(Vec<u8>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Json {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut fields = Vec::with_capacity(64);
            attributes.record(&mut Fields(&mut fields));
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(SpanFields(fields)) = span.extensions_mut().get_mut()
        {
            values.record(&mut Fields(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let span = ctx.event_span(event);
        stamped(|line| write_event(line, event, span.as_ref()), |line| self.0.write(line));
    }
}

/// Writes what comes behind the stamp.
fn write_event<'a, S: LookupSpan<'a>>(line: &mut Vec<u8>, event: &Event<'_>, span: Option<&SpanRef<'a, S>>) {
    let metadata = event.metadata();
    line.extend_from_slice(b",\"level\":\"");
    line.extend_from_slice(metadata.level().as_str().as_bytes());
    line.push(b'"');
    event.record(&mut Fields(line));
    line.extend_from_slice(b",\"target\":");
    text(line, metadata.target());
    if let Some(span) = span {
        line.extend_from_slice(b",\"span\":{\"name\":");
        text(line, span.name());
        if let Some(SpanFields(fields)) = span.extensions().get() {
            line.extend_from_slice(fields);
        }
        line.push(b'}');
    }
    line.extend_from_slice(b"}\n");
}

/// Writes fields as members of an object, each with a comma before it.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, field: &Field) {
        // Names are written in the program, and have nothing to escape.
        for part in [",\"", field.name(), "\":"] {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// A value whose text is JSON as it is.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        // A vector takes all there is.
        write!(self.0, "{value}").ok();
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field, zmij::Buffer::new().format_finite(value));
        } else {
            self.plain(field, "null");
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.plain(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        text(self.0, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field);
        self.0.push(b'"');
        // A value that cannot be formatted is told as far as it could.
        write!(Escaped(self.0), "{value:?}").ok();
        self.0.push(b'"');
    }
}

/// Takes text for the inside of a JSON string.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

/// Writes a JSON string.
pub(super) fn text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    escape(line, text);
    line.push(b'"');
}

/// Writes the inside of a JSON string (RFC 8259 7), which is UTF-8 as it is but for quotes, backslashes and control
/// characters.
fn escape(line: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    // Most text has none. Without a way out of the loop the compiler looks at sixteen bytes at once.
    if !rest.iter().fold(false, |found, byte| found | is_special(*byte)) {
        line.extend_from_slice(rest);
        return;
    }
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, special) = rest.split_at(at);
        line.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { return };
        match byte {
            b'"' => line.extend_from_slice(b"\\\""),
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            control => {
                write!(line, "\\u{control:04x}").ok();
            }
        }
        rest = after;
    }
    line.extend_from_slice(rest);
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::logging::kept::Kept;

    /// What is logged meanwhile, without the stamps.
    fn logged(work: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let layer = Json(Lines::into(kept.clone()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        kept.lines()
    }

    #[test]
    fn every_kind_of_value_is_json() {
        let lines = logged(|| {
            tracing::info!(
                target: "t",
                text = "a \"b\" c:\\d\r\n\t\u{1}é",
                none = None::<&str>,
                natural = 7_u64,
                negative = -7,
                real = 0.5,
                whole = 1_200.0,
                endless = f64::INFINITY,
                yes = true,
                shown = %"x\"y",
                debugged = ?Some("x"),
                "said {}",
                1
            );
        });
        assert_eq!(
            lines,
            [concat!(
                r#"{"level":"INFO","message":"said 1","text":"a \"b\" c:\\d\r\n\t\u0001é","natural":7,"negative":-7,"#,
                r#""real":0.5,"whole":1200.0,"endless":null,"yes":true,"shown":"x\"y","debugged":"Some(\"x\")","#,
                r#""target":"t"}"#
            )]
        );
    }

    #[test]
    fn a_line_has_the_fields_of_the_span_around_it() {
        let lines = logged(|| {
            let late = tracing::field::Empty;
            let span = tracing::warn_span!(target: "t", "request", request_id = "r1", trace_id = None::<&str>, late);
            span.record("late", 5);
            span.in_scope(|| tracing::warn!(target: "t", "inside"));
            tracing::error!(target: "t", "outside");
        });
        assert_eq!(
            lines,
            [
                r#"{"level":"WARN","message":"inside","target":"t","span":{"name":"request","request_id":"r1","late":5}}"#,
                r#"{"level":"ERROR","message":"outside","target":"t"}"#,
            ]
        );
    }
}
