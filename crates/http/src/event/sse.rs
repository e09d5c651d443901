//! Feeds as server-sent events.

use std::time::Duration;

use actix_web::Error;
use bytes::{Bytes, BytesMut};
use entrepot_application::event::{Feed, FeedItem};
use futures_util::{Stream, stream};
use tokio::{
    select,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep},
};

use super::frames::{self, Frames};
use crate::{edge::Chain, metrics::InFlight};

/// How often a comment is sent, so that proxies keep the connection.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

/// How long to wait after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A client that has not read for so long may not be further behind than [`MAX_BEHIND`].
const MAX_STALL: Duration = Duration::from_secs(1);

/// How many bytes a client may be behind.
const MAX_BEHIND: usize = 1 << 20;

/// What is sent first.
const BEGIN: Bytes = Bytes::from_static(b"retry: 2000\n\n");

const COMMENT: Bytes = Bytes::from_static(b":\n\n");

struct Body {
    feed: Feed,
    comments: Interval,
    /// When the last part was sent.
    sent: Option<Instant>,
    _open: InFlight,
}

/// The body of an answer. Nothing is prepared before the client has read what came before.
pub(super) fn stream(feed: Feed, open: InFlight) -> impl Stream<Item = Result<Bytes, Error>> {
    let mut comments = interval_at(Instant::now() + COMMENT_INTERVAL, COMMENT_INTERVAL);
    comments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let body = Body { feed, comments, sent: None, _open: open };
    stream::unfold(body, |mut body| async move {
        let part = body.next().await?;
        Some((Ok(part), body))
    })
}

impl Body {
    async fn next(&mut self) -> Option<Bytes> {
        let Some(sent) = self.sent.replace(Instant::now()) else { return Some(BEGIN) };
        if sent.elapsed() > MAX_STALL && self.feed.is_behind(MAX_BEHIND, frames::size) {
            return None;
        }
        let part = loop {
            let item = select! {
                item = self.feed.next() => item,
                _ = self.comments.tick() => break COMMENT,
            };
            match item {
                Ok(FeedItem::Events(events)) => {
                    if let [event] = events.as_slice() {
                        break Frames::of(event).sse;
                    }
                    let mut part = BytesMut::new();
                    for event in events {
                        part.extend_from_slice(&Frames::of(&event).sse);
                    }
                    break part.freeze();
                }
                Ok(FeedItem::Reset(reason)) => break format!("data: {}\n\n", frames::reset(reason)).into(),
                Ok(FeedItem::Ended(_)) => return None,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "a live feed cannot read the event log");
                    sleep(RETRY_INTERVAL).await;
                }
            }
        };
        self.sent = Some(Instant::now());
        Some(part)
    }
}
