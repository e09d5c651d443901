//! GraphQL by WebSocket: graphql-transport-ws.

use std::{convert::Infallible, time::Duration};

use actix_web::web::{Data, Payload};
use actix_ws::{CloseCode, CloseReason, Session};
use bytestring::ByteString;
use entrepot_application::event::{Ending, Feed, FeedFilter, FeedItem, FeedStart};
use entrepot_domain::event::EventKinds;
use tokio::{
    select,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout, timeout_at},
};

use super::{
    message::{self, FromClient, FromServer, NoMessage},
    operations::{Client, Operations, Output},
};
use crate::{
    HttpState,
    edge::{Caller, Holder, holder_of},
    error::{ApiError, ApiResult},
    metrics::InFlight,
    websocket::{Broken, CLOSE_TIMEOUT, Incoming, MAX_MISSED_PINGS, MAX_STALL, PING_INTERVAL, Received, deliver},
};

/// The name of the protocol.
pub(super) const PROTOCOL: &str = "graphql-transport-ws";

/// How long a client may take to show who it is.
const INIT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The most bytes of a message from a client that has not shown who it is.
const MAX_INIT: usize = 16 << 10;

/// The most bytes of a message: those of a body.
const MAX_MESSAGE: usize = 1 << 20;

/// Why a connection is closed.
enum Closing {
    Ended(Ending),
    Broken(Broken),
    /// What the client sent is no message of the protocol.
    NoMessage,
    /// An operation before [`FromClient::Init`].
    Unauthorized,
    /// The credentials are missing, not believed or not enough.
    Forbidden,
    /// No [`FromClient::Init`] came in time.
    InitTimeout,
    /// The client does not speak the protocol.
    WrongProtocol,
    /// An operation with this identifier runs.
    DuplicateId(String),
    TooManyInits,
    /// The store is away.
    Unavailable,
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
            Self::Ended(Ending::AccessLost) => (CloseCode::Other(4403), "the session or key has ended"),
            Self::Broken(Broken::TooLong) => (CloseCode::Size, "the message is too long"),
            Self::Broken(Broken::Protocol) => (CloseCode::Protocol, "the frames break the protocol"),
            Self::NoMessage => (CloseCode::Other(4400), "Invalid message"),
            Self::Unauthorized => (CloseCode::Other(4401), "Unauthorized"),
            Self::Forbidden => (CloseCode::Other(4403), "Forbidden"),
            Self::InitTimeout => (CloseCode::Other(4408), "Connection initialisation timeout"),
            Self::WrongProtocol => (CloseCode::Other(4406), "Subprotocol not acceptable"),
            Self::DuplicateId(id) => {
                // A close frame has room for 123 bytes.
                let id: String = id.chars().take(20).collect();
                let description = Some(format!("Subscriber for {id} already exists"));
                return Some(CloseReason { code: CloseCode::Other(4409), description });
            }
            Self::TooManyInits => (CloseCode::Other(4429), "Too many initialisation requests"),
            Self::Unavailable => (CloseCode::Again, "the service cannot do this now; please try again"),
            Self::Slow => (CloseCode::Again, "the client does not read"),
            Self::ByClient => (CloseCode::Normal, ""),
            Self::Gone => return None,
        };
        Some(CloseReason { code, description: (!description.is_empty()).then(|| description.to_owned()) })
    }
}

impl From<NoMessage> for Closing {
    fn from(NoMessage: NoMessage) -> Self {
        Self::NoMessage
    }
}

/// The credentials of the handshake: none, or why they are not believed.
pub(super) type Shown = ApiResult<Option<Holder>>;

/// One connection.
pub(super) struct Socket {
    session: Session,
    incoming: Incoming,
    state: Data<HttpState>,
    caller: Caller,
}

/// What happens next.
enum Step {
    Ended(Ending),
    Received(Result<Option<Received>, Broken>),
    Output(String, Output),
    Ping,
}

impl Socket {
    pub(super) fn new(session: Session, payload: Payload, state: Data<HttpState>, caller: Caller) -> Self {
        Self { session, incoming: Incoming::new(payload, MAX_INIT), state, caller }
    }

    /// Serves the client until either side closes the connection.
    pub(super) async fn run(mut self, shown: Shown, speaks: bool, _open: InFlight) {
        let closing = if speaks { self.serve(shown).await } else { Err(Closing::WrongProtocol) };
        let Err(closing) = closing;
        if let Some(reason) = closing.reason() {
            timeout(CLOSE_TIMEOUT, self.session.close(Some(reason))).await.ok();
        }
    }

    async fn serve(&mut self, shown: Shown) -> Result<Infallible, Closing> {
        let shown = shown.map_err(|error| closing_of(&error))?;
        let deadline = Instant::now() + INIT_TIMEOUT;
        let authorization = timeout_at(deadline, self.init()).await.map_err(|_| Closing::InitTimeout)??;
        let holder = match authorization {
            Some(authorization) => {
                Some(holder_of(&authorization, &self.state).await.map_err(|error| closing_of(&error))?)
            }
            None => shown,
        };
        let holder = holder.ok_or(Closing::Forbidden)?;
        let guard = self.guard(&holder).await.map_err(|error| closing_of(&error))?;
        self.incoming.set_limit(MAX_MESSAGE);
        self.text(FromServer::ConnectionAck.text(), None).await?;
        let client = Client { state: self.state.clone(), holder, caller: self.caller.clone() };
        let mut connection = Connection { socket: self, guard, client, operations: Operations::default(), missed: 0 };
        connection.serve().await
    }

    /// Waits for [`FromClient::Init`], and returns the credentials that it shows.
    async fn init(&mut self) -> Result<Option<String>, Closing> {
        loop {
            let received = self.incoming.next().await.map_err(Closing::Broken)?.ok_or(Closing::Gone)?;
            let Some(message) = self.message(received, None).await? else { continue };
            match message {
                FromClient::Init { authorization } => return Ok(authorization),
                FromClient::Subscribe { .. } => return Err(Closing::Unauthorized),
                FromClient::Ping { payload } => {
                    self.text(FromServer::Pong { payload: payload.as_ref() }.text(), None).await?;
                }
                FromClient::Pong | FromClient::Complete { .. } => {}
            }
        }
    }

    /// A feed of nothing, which ends when the server stops and when the client may no longer follow.
    async fn guard(&self, holder: &Holder) -> ApiResult<Feed> {
        let nothing = FeedFilter { kinds: EventKinds::from_iter([]), order: None };
        let events = &self.state.app.events;
        Ok(events.follow(&holder.actor, holder.credential, &nothing, FeedStart::Now).await?)
    }

    /// Reads a message; answers what is one of WebSocket itself.
    async fn message(&mut self, received: Received, guard: Option<&Feed>) -> Result<Option<FromClient>, Closing> {
        match received {
            Received::Pong => Ok(None),
            Received::Close => Err(Closing::ByClient),
            Received::Ping(payload) => {
                let mut session = self.session.clone();
                self.deliver(async move { session.pong(&payload).await.is_ok() }, guard).await?;
                Ok(None)
            }
            Received::Text(text) => {
                let text = ByteString::try_from(text).map_err(|_| Closing::NoMessage)?;
                Ok(Some(FromClient::read(&text)?))
            }
            Received::Binary => Err(Closing::NoMessage),
        }
    }

    async fn text(&self, text: ByteString, guard: Option<&Feed>) -> Result<(), Closing> {
        let mut session = self.session.clone();
        self.deliver(async move { session.text(text).await.is_ok() }, guard).await
    }

    async fn deliver(&self, sending: impl Future<Output = bool>, guard: Option<&Feed>) -> Result<(), Closing> {
        deliver(sending, Closing::Gone, |stalled| match guard.and_then(Feed::ending) {
            Some(ending) => Err(Closing::Ended(ending)),
            None if stalled > MAX_STALL => Err(Closing::Slow),
            None => Ok(()),
        })
        .await
    }
}

/// A connection whose client is known.
struct Connection<'s> {
    socket: &'s mut Socket,
    guard: Feed,
    client: Client,
    operations: Operations,
    /// Pings since the client last sent anything.
    missed: u32,
}

impl Connection<'_> {
    async fn serve(&mut self) -> Result<Infallible, Closing> {
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = select! {
                ending = ended(&mut self.guard) => Step::Ended(ending),
                received = self.socket.incoming.next() => Step::Received(received),
                (id, output) = self.operations.next() => Step::Output(id, output),
                _ = pings.tick() => Step::Ping,
            };
            match step {
                Step::Ended(ending) => return Err(Closing::Ended(ending)),
                Step::Received(received) => {
                    let received = received.map_err(Closing::Broken)?.ok_or(Closing::Gone)?;
                    self.missed = 0;
                    if let Some(message) = self.socket.message(received, Some(&self.guard)).await? {
                        self.take(message).await?;
                    }
                }
                Step::Output(id, output) => self.give(&id, output).await?,
                Step::Ping if self.missed >= MAX_MISSED_PINGS => return Err(Closing::Slow),
                Step::Ping => {
                    self.missed += 1;
                    let mut session = self.socket.session.clone();
                    let ping = async move { session.ping(b"").await.is_ok() };
                    self.socket.deliver(ping, Some(&self.guard)).await?;
                }
            }
        }
    }

    async fn take(&mut self, message: FromClient) -> Result<(), Closing> {
        match message {
            FromClient::Init { .. } => return Err(Closing::TooManyInits),
            FromClient::Subscribe { id, .. } if self.operations.contains(&id) => {
                return Err(Closing::DuplicateId(id));
            }
            FromClient::Subscribe { id, request } => self.operations.begin(id, request, self.client.clone()),
            FromClient::Complete { id } => self.operations.end(&id),
            FromClient::Ping { payload } => self.say(FromServer::Pong { payload: payload.as_ref() }.text()).await?,
            FromClient::Pong => {}
        }
        Ok(())
    }

    async fn give(&self, id: &str, output: Output) -> Result<(), Closing> {
        let text = match output {
            Output::Next(response) => message::next(id, &response.body),
            Output::Refused(errors) => FromServer::Error { id, payload: &errors }.text(),
            Output::Complete => FromServer::Complete { id }.text(),
        };
        self.say(text).await
    }

    async fn say(&self, text: ByteString) -> Result<(), Closing> {
        self.socket.text(text, Some(&self.guard)).await
    }
}

/// Waits for the end of a feed of nothing.
async fn ended(guard: &mut Feed) -> Ending {
    loop {
        match guard.next().await {
            Ok(FeedItem::Ended(ending)) => return ending,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection cannot follow the event log");
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

fn closing_of(error: &ApiError) -> Closing {
    if error.status().is_server_error() { Closing::Unavailable } else { Closing::Forbidden }
}
