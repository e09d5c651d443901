//! The lines of requests, as JSON.
//!
//! They come by the thousand, so they go past the machinery of events: made into an event and out of it again, a line
//! costs four times as much. What is written is the same.

use std::{io::Write as _, net::IpAddr, time::Duration};

use entrepot_http::{AccessLine, AccessLog};

use super::{json::text, lines::Lines, stamp::stamped};

/// Writes the line of each request as one JSON object.
pub(super) struct JsonLines {
    lines: Lines,
    /// Whether lines may wait for one another.
    gathers: bool,
}

impl JsonLines {
    pub(super) fn new(lines: Lines, gathers: bool) -> Self {
        Self { lines, gathers }
    }
}

impl AccessLog for JsonLines {
    fn is_on(&self) -> bool {
        true
    }

    fn write(&self, line: &AccessLine<'_>) {
        let out = |json: &[u8]| if self.gathers { self.lines.gather(json) } else { self.lines.write(json) };
        stamped(|json| write_request(json, line), out);
    }
}

/// Of a server that is not asked to tell of its requests.
pub(super) struct Off;

impl AccessLog for Off {
    fn is_on(&self) -> bool {
        false
    }

    fn write(&self, _: &AccessLine<'_>) {}
}

/// Writes what comes behind the stamp, in the order that events have: level, message, fields, target.
fn write_request(json: &mut Vec<u8>, line: &AccessLine<'_>) {
    json.extend_from_slice(b",\"level\":\"INFO\",\"message\":\"request\",\"method\":");
    text(json, line.method);
    json.extend_from_slice(b",\"route\":");
    text(json, line.route);
    json.extend_from_slice(b",\"status\":");
    json.extend_from_slice(line.status.as_str().as_bytes());
    json.extend_from_slice(b",\"duration_ms\":");
    json.extend_from_slice(zmij::Buffer::new().format_finite(millis(line.took)).as_bytes());
    // Neither has anything to escape, and a vector takes all there is.
    if let Some(user) = line.user {
        write!(json, ",\"user\":\"{user}\"").ok();
    }
    if let Some(key) = line.api_key {
        write!(json, ",\"api_key\":\"{key}\"").ok();
    }
    json.extend_from_slice(b",\"address\":\"");
    address(json, line.address);
    json.push(b'"');
    if let Some(agent) = line.user_agent {
        json.extend_from_slice(b",\"user_agent\":");
        text(json, agent);
    }
    json.extend_from_slice(b",\"request_id\":");
    text(json, line.request_id);
    if let Some(trace) = line.trace_id {
        json.extend_from_slice(b",\"trace_id\":");
        text(json, trace);
    }
    json.extend_from_slice(b",\"target\":\"http\"}\n");
}

/// To the microsecond, which is as well as it is measured.
fn millis(took: Duration) -> f64 {
    f64::from(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)) / 1_000.0
}

/// One of IPv4, which most are, by hand: it takes longer by `Display` than all other members together.
fn address(json: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(v4) = address else {
        write!(json, "{address}").ok();
        return;
    };
    for (place, octet) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            json.push(b'.');
        }
        json.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use entrepot_domain::UserId;
    use entrepot_http::AsEvents;
    use tracing_subscriber::layer::SubscriberExt;
    use uuid::Uuid;

    use super::*;
    use crate::logging::{json::Json, kept::Kept};

    fn lines() -> [AccessLine<'static>; 2] {
        let least = AccessLine {
            method: "GET",
            route: "/api/v1/products/{id}",
            status: StatusCode::OK,
            took: Duration::from_micros(1_500),
            user: None,
            api_key: None,
            address: [192, 0, 2, 107].into(),
            user_agent: None,
            request_id: "r1",
            trace_id: None,
        };
        let most = AccessLine {
            method: "BREW\"",
            user: Some(UserId(Uuid::from_u128(7))),
            api_key: "Ab3dEf9h".parse().ok(),
            address: "2001:db8::7".parse().unwrap(),
            user_agent: Some("curl/8 \"\\"),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c"),
            ..least
        };
        [least, most]
    }

    #[test]
    fn a_line_is_the_same_as_an_event() {
        for line in lines() {
            let (straight, as_event) = (Kept::default(), Kept::default());
            JsonLines::new(Lines::into(straight.clone()), false).write(&line);
            let events = tracing_subscriber::registry().with(Json(Lines::into(as_event.clone())));
            tracing::subscriber::with_default(events, || AsEvents.write(&line));
            assert_eq!(straight.lines(), as_event.lines());
            assert_eq!(straight.lines().len(), 1);
        }
    }

    #[test]
    fn lines_wait_for_one_another_where_they_may() {
        let kept = Kept::default();
        let lines = Lines::into(kept.clone());
        let [line, _] = self::lines();
        JsonLines::new(lines.clone(), true).write(&line);
        assert!(kept.lines().is_empty());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Json(lines)), || {
            tracing::error!("takes them with it");
        });
        assert_eq!(kept.lines().len(), 2);
    }
}
