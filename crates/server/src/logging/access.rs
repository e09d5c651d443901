//! The access log as JSON, through `serde_json` and past the events of `tracing`.
//!
//! A busy server writes thousands of these lines a second. As an event each costs three times as much CPU; what is
//! written is the same, which a test holds.

use std::cell::Cell;

use entrepot_http::{AccessLine, AccessLog};
use serde::Serialize;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime, SystemTime},
};

use super::batch::BatchWriter;

thread_local! {
    /// The timestamp and the line of the last request of this thread: their memory is used again.
    static BUFFERS: Cell<(String, Vec<u8>)> = const { Cell::new((String::new(), Vec::new())) };
}

/// Writes one JSON object a line for each request.
pub(super) struct JsonAccessLog {
    writer: BatchWriter,
    is_on: bool,
}

impl JsonAccessLog {
    /// An access log that writes into `writer`, or nothing at all if it is not on.
    pub(super) fn new(writer: BatchWriter, is_on: bool) -> Self {
        Self { writer, is_on }
    }
}

impl AccessLog for JsonAccessLog {
    fn is_on(&self) -> bool {
        self.is_on
    }

    fn write(&self, line: &AccessLine<'_>) {
        let (mut timestamp, mut json) = BUFFERS.take();
        timestamp.clear();
        json.clear();
        let record = |timestamp| Record { timestamp, level: "INFO", message: "request", line, target: "http" };
        let formatted = SystemTime.format_time(&mut Writer::new(&mut timestamp)).is_ok();
        if formatted && serde_json::to_writer(&mut json, &record(&timestamp)).is_ok() {
            json.push(b'\n');
            self.writer.write_soon(&json);
        }
        BUFFERS.set((timestamp, json));
    }
}

/// A line as `tracing_subscriber` writes that of an event: the same members in the same order.
#[derive(Serialize)]
struct Record<'a> {
    timestamp: &'a str,
    level: &'static str,
    message: &'static str,
    #[serde(flatten)]
    line: &'a AccessLine<'a>,
    target: &'static str,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::http::StatusCode;
    use entrepot_domain::{Timestamp, UserId};
    use entrepot_http::TracingAccessLog;
    use tracing_subscriber::layer::SubscriberExt;
    use uuid::Uuid;

    use super::*;
    use crate::logging::{json_layer, memory::Memory};

    fn lines() -> [AccessLine<'static>; 2] {
        let shortest = AccessLine {
            method: "GET",
            route: "/api/v1/products/{id}",
            status: StatusCode::OK,
            took: Duration::from_micros(1_537),
            user: None,
            api_key: None,
            address: [192, 0, 2, 107].into(),
            user_agent: None,
            request_id: "r1",
            trace_id: None,
        };
        let longest = AccessLine {
            method: "BREW\"",
            user: Some(UserId(Uuid::from_u128(7))),
            api_key: "Ab3dEf9h".parse().ok(),
            address: "2001:db8::7".parse().unwrap(),
            user_agent: Some("curl/8 \"\\\u{7f}é"),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c"),
            ..shortest
        };
        [shortest, longest]
    }

    #[test]
    fn access_line_is_the_same_as_an_event() {
        for line in lines() {
            let (direct, event) = (Memory::default(), Memory::default());
            JsonAccessLog::new(BatchWriter::unbatched(direct.clone()), true).write(&line);
            let subscriber = tracing_subscriber::registry().with(json_layer(BatchWriter::unbatched(event.clone())));
            tracing::subscriber::with_default(subscriber, || TracingAccessLog.write(&line));
            let ([direct], [event]) = (direct.lines().try_into().unwrap(), event.lines().try_into().unwrap());
            assert_eq!(without_timestamp(&direct), without_timestamp(&event));
        }
    }

    /// The text of a line behind its timestamp, which is in UTC and to the microsecond.
    fn without_timestamp(line: &str) -> &str {
        let rest = line.strip_prefix("{\"timestamp\":\"").unwrap();
        let (timestamp, rest) = rest.split_once('"').unwrap();
        assert_eq!((timestamp.len(), timestamp.ends_with('Z')), ("2026-11-21T04:31:00.000001Z".len(), true));
        timestamp.parse::<Timestamp>().unwrap();
        rest
    }

    #[test]
    fn access_lines_are_written_together() {
        let memory = Memory::default();
        let writer = BatchWriter::batched(memory.clone());
        let [line, _] = lines();
        JsonAccessLog::new(writer.clone(), true).write(&line);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json_layer(writer)), || {
            tracing::error!("takes waiting lines with it");
        });
        assert_eq!(memory.lines().len(), 2);
    }
}
