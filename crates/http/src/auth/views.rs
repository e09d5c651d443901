//! Logins as clients see them.

use entrepot_application::auth::{IssuedTicket, LoggedIn};
use entrepot_domain::auth::{Actor, Session};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{response::Rfc3339, user::UserView};

/// A pair of tokens, and their user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenPair {
    /// The access token: a JWT, for `Authorization: Bearer …`.
    token: String,
    /// The refresh token: valid once, to obtain the next pair.
    refresh_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The lifetime of the access token, in seconds.
    #[schema(example = 900)]
    expires_in: u64,
    /// The user who logged in.
    user: UserView,
}

impl From<LoggedIn> for TokenPair {
    fn from(pair: LoggedIn) -> Self {
        Self {
            user: UserView::from(&pair.user),
            token: pair.access_token,
            refresh_token: pair.refresh_token,
            token_type: "Bearer",
            expires_in: pair.expires_in.as_secs(),
        }
    }
}

/// A ticket for one live feed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketView {
    /// The ticket: good once, for `?ticket=`.
    #[schema(example = "et_9f3c…")]
    ticket: String,
    /// How many seconds it is good.
    #[schema(example = 30)]
    expires_in: u64,
}

impl From<&IssuedTicket> for TicketView {
    fn from(ticket: &IssuedTicket) -> Self {
        Self { ticket: ticket.secret.expose().to_owned(), expires_in: ticket.expires_in.as_secs() }
    }
}

/// A login on a device.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// The identifier of the login.
    id: Uuid,
    /// Whether the request was made with this login.
    current: bool,
    /// The `User-Agent` of the client.
    #[schema(example = "curl/8.5.0")]
    user_agent: Option<String>,
    /// The address of the client at the login.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// The time of the login.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The time of the last refresh.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Rfc3339,
    /// The time at which the login expires unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Rfc3339,
}

impl SessionView {
    pub(super) fn new(session: &Session, actor: &Actor) -> Self {
        Self {
            id: session.id.0,
            current: actor.session() == Some(session.id),
            user_agent: session.device.user_agent.clone(),
            address: session.device.address.map(|address| address.to_string()),
            created_at: Rfc3339(session.created_at),
            last_used_at: Rfc3339(session.last_used_at),
            expires_at: Rfc3339(session.expires_at),
        }
    }
}
