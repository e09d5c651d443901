//! Responses as server-sent events: the distinct connections mode of GraphQL over SSE.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
};
use bytes::Bytes;
use entrepot_graphql::{Refusal, Responses};
use futures_util::stream;
use tokio::{
    select,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use crate::metrics::InFlight;

/// How often a comment is sent, so that proxies keep the connection.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

/// For how long a client may take nothing.
const MAX_STALL: Duration = Duration::from_secs(15);

const COMMENT: Bytes = Bytes::from_static(b":\n\n");

const COMPLETE: &str = "event: complete\ndata:\n\n";

/// An answer with the responses of an operation that has begun. `head_only` leaves them out.
pub(super) fn answer(responses: Responses, open: InFlight, head_only: bool) -> HttpResponse {
    let mut response = head();
    if head_only {
        return response.finish();
    }
    let mut comments = interval_at(Instant::now() + COMMENT_INTERVAL, COMMENT_INTERVAL);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let body = Body { responses, comments, sent: None, is_over: false, _open: open };
    response.streaming(stream::unfold(body, async |mut body| {
        let part = body.next().await?;
        Some((Ok::<_, Error>(part), body))
    }))
}

/// An answer that tells why the document is not run. Browsers show their pages no status, so it is an event.
pub(super) fn refusal(refusal: &Refusal) -> HttpResponse {
    head().body(format!("{}{COMPLETE}", event(&refusal.body().to_string())))
}

fn head() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("x-accel-buffering", "no"));
    response
}

fn event(result: &str) -> String {
    format!("event: next\ndata: {result}\n\n")
}

struct Body {
    responses: Responses,
    comments: Interval,
    /// When the last part was sent.
    sent: Option<Instant>,
    is_over: bool,
    _open: InFlight,
}

impl Body {
    /// The next part. Nothing is prepared before the client has read what came before.
    async fn next(&mut self) -> Option<Bytes> {
        let Some(sent) = self.sent.replace(Instant::now()) else { return Some(COMMENT) };
        if self.is_over || sent.elapsed() > MAX_STALL {
            return None;
        }
        let part = select! {
            response = self.responses.next() => match response {
                Some(response) => event(&response.body).into(),
                // A subscription has no end of its own: its client goes on with another connection.
                None if self.responses.is_live() => return None,
                None => {
                    self.is_over = true;
                    COMPLETE.into()
                }
            },
            _ = self.comments.tick() => COMMENT,
        };
        self.sent = Some(Instant::now());
        Some(part)
    }
}
