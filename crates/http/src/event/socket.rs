//! A feed by WebSocket.

use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_ws::{CloseCode, CloseReason, Session};
use bytestring::ByteString;
use entrepot_application::{
    Error,
    event::{Ending, Feed, FeedItem},
};
use entrepot_domain::Fault;
use serde::Serialize;
use tokio::{
    select,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};

use super::{
    frames::{self, Frames, json},
    requests::SubscribeMessage,
};
use crate::{
    HttpState,
    edge::{Chain, Holder},
    error::{ApiError, ApiResult},
    metrics::InFlight,
    request::read_json,
    websocket::{Broken, CLOSE_TIMEOUT, Incoming, MAX_MISSED_PINGS, MAX_STALL, PING_INTERVAL, Received, deliver},
};

/// The most bytes of a message.
const MAX_MESSAGE: usize = 4 << 10;

/// How many bytes a client that takes nothing may be behind.
const MAX_BEHIND: usize = 1 << 20;

/// How long to wait after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Why a WebSocket is closed.
enum Closing {
    Ended(Ending),
    Broken(Broken),
    /// A text is not UTF-8.
    NoText,
    /// The client does not read.
    Slow,
    /// The client has closed it.
    ByClient,
    /// The connection is gone.
    Gone,
}

impl Closing {
    fn reason(&self) -> Option<CloseReason> {
        let (code, description) = match self {
            Self::Ended(Ending::Stopping) => (CloseCode::Away, "the server stops; connect again"),
            Self::Ended(Ending::AccessLost) => (CloseCode::Policy, "the session or key has ended"),
            Self::Broken(Broken::TooLong) => (CloseCode::Size, "a message may have 4096 bytes at most"),
            Self::Broken(Broken::Protocol) => (CloseCode::Protocol, "the frames break the protocol"),
            Self::NoText => (CloseCode::Invalid, "a text must be UTF-8"),
            Self::Slow => (CloseCode::Again, "the client does not read"),
            Self::ByClient => (CloseCode::Normal, ""),
            Self::Gone => return None,
        };
        Some(CloseReason { code, description: (!description.is_empty()).then(|| description.to_owned()) })
    }
}

/// One WebSocket.
pub(super) struct Socket {
    session: Session,
    incoming: Incoming,
    feed: Feed,
    holder: Holder,
    state: Data<HttpState>,
    /// Pings since the client last sent anything.
    missed_pings: u32,
}

/// What happens next.
enum Step {
    Item(Result<FeedItem, Fault>),
    Received(Result<Option<Received>, Broken>),
    Ping,
}

impl Socket {
    pub(super) fn new(session: Session, payload: Payload, feed: Feed, holder: Holder, state: Data<HttpState>) -> Self {
        Self { session, incoming: Incoming::new(payload, MAX_MESSAGE), feed, holder, state, missed_pings: 0 }
    }

    /// Serves the client until either side closes the WebSocket.
    pub(super) async fn run(mut self, _open: InFlight) {
        let Err(closing) = self.serve().await else { return };
        let Self { session, feed, .. } = self;
        drop(feed);
        if let Some(reason) = closing.reason() {
            timeout(CLOSE_TIMEOUT, session.close(Some(reason))).await.ok();
        }
    }

    async fn serve(&mut self) -> Result<(), Closing> {
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = select! {
                item = self.feed.next() => Step::Item(item),
                received = self.incoming.next() => Step::Received(received),
                _ = pings.tick() => Step::Ping,
            };
            match step {
                Step::Item(item) => self.show(item).await?,
                Step::Received(received) => self.receive(received).await?,
                Step::Ping if self.missed_pings >= MAX_MISSED_PINGS => return Err(Closing::Slow),
                Step::Ping => {
                    self.missed_pings += 1;
                    let mut session = self.session.clone();
                    self.deliver(async move { session.ping(b"").await.is_ok() }).await?;
                }
            }
        }
    }

    async fn show(&mut self, item: Result<FeedItem, Fault>) -> Result<(), Closing> {
        match item {
            Ok(FeedItem::Events(events)) => {
                for event in events {
                    self.text(Frames::of(&event).json).await?;
                }
                Ok(())
            }
            Ok(FeedItem::Reset(reason)) => self.text(frames::reset(reason).into()).await,
            Ok(FeedItem::Ended(ending)) => Err(Closing::Ended(ending)),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a live feed cannot read the event log");
                sleep(RETRY_INTERVAL).await;
                Ok(())
            }
        }
    }

    async fn receive(&mut self, received: Result<Option<Received>, Broken>) -> Result<(), Closing> {
        let received = received.map_err(Closing::Broken)?.ok_or(Closing::Gone)?;
        self.missed_pings = 0;
        let subscribed = match received {
            Received::Pong => return Ok(()),
            Received::Close => return Err(Closing::ByClient),
            Received::Ping(payload) => {
                let mut session = self.session.clone();
                return self.deliver(async move { session.pong(&payload).await.is_ok() }).await;
            }
            Received::Text(text) => match ByteString::try_from(text) {
                Ok(text) => self.subscribe(&text).await,
                Err(_) => return Err(Closing::NoText),
            },
            Received::Binary => Err(Error::field("message", "must be a text frame with JSON").into()),
        };
        let answer = match subscribed {
            Ok(()) => json(&Message { kind: "subscribed", code: None, words: None }),
            Err(error) => json(&Message { kind: "error", code: Some(error.code()), words: Some(in_words(&error)) }),
        };
        self.text(answer.into()).await
    }

    /// Replaces what the client follows.
    async fn subscribe(&mut self, text: &str) -> ApiResult<()> {
        let (filter, start) = read_json::<SubscribeMessage>(text.as_bytes())?.into_parts()?;
        let Holder { actor, credential } = &self.holder;
        self.feed = self.state.app.events.follow(actor, *credential, &filter, start).await?;
        Ok(())
    }

    async fn text(&mut self, text: ByteString) -> Result<(), Closing> {
        let mut session = self.session.clone();
        self.deliver(async move { session.text(text).await.is_ok() }).await
    }

    /// Hands something to the connection, which takes it when the client has read enough of what came before.
    async fn deliver(&self, sending: impl Future<Output = bool>) -> Result<(), Closing> {
        deliver(sending, Closing::Gone, |stalled| match self.feed.ending() {
            Some(ending) => Err(Closing::Ended(ending)),
            None if stalled > MAX_STALL || self.feed.is_behind(MAX_BEHIND, frames::size) => Err(Closing::Slow),
            None => Ok(()),
        })
        .await
    }
}

/// What the server says beside events.
#[derive(Serialize)]
struct Message {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    words: Option<String>,
}

/// An error in words, with every bad field.
fn in_words(error: &ApiError) -> String {
    match error {
        ApiError::UseCase(Error::Validation(fields)) => {
            let fields = fields.iter().map(|field| format!("{} {}", field.field, field.message));
            fields.collect::<Vec<_>>().join("; ")
        }
        other => other.message().into_owned(),
    }
}
