//! What resolvers have: the use cases, and who asks.

use std::sync::Arc;

use async_graphql::{Context, dataloader::DataLoader};
use entrepot_application::Application;
use entrepot_domain::{
    Currency,
    audit::Origin,
    auth::{Actor, Credential},
};
use tokio::sync::Notify;

use crate::{loaders::Batch, refusal::Refusal};

/// Settings of the API.
#[derive(Debug, Clone)]
pub struct GraphqlSettings {
    /// Whether introspection is off, and errors suggest no names.
    pub production: bool,
    /// Keys of cursors: the first signs, all verify.
    pub cursor_keys: Vec<[u8; 32]>,
    /// The currency of a price that names none.
    pub default_currency: Currency,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `None` without credentials.
    pub actor: Option<Actor>,
    /// What gives the actor access for longer than a token is good.
    pub credential: Option<Credential>,
    pub origin: Origin,
    pub user_agent: Option<String>,
}

/// What the resolvers of one request share.
pub(crate) struct State {
    pub(crate) app: Arc<Application>,
    pub(crate) caller: Caller,
    pub(crate) settings: Arc<GraphqlSettings>,
    pub(crate) loader: DataLoader<Batch>,
    /// Told when a subscription has begun.
    pub(crate) begun: Arc<Notify>,
}

impl State {
    /// The state of this request.
    pub(crate) fn of<'c>(ctx: &Context<'c>) -> async_graphql::Result<&'c Self> {
        ctx.data::<Self>()
    }

    /// The user who follows something, with what lets them.
    pub(crate) fn holder(&self) -> async_graphql::Result<(&Actor, Credential)> {
        self.caller.actor.as_ref().zip(self.caller.credential).ok_or_else(|| Refusal::missing_token().into_error())
    }

    /// The user who asks, where one is needed.
    pub(crate) fn actor(&self) -> async_graphql::Result<&Actor> {
        self.caller.actor.as_ref().ok_or_else(|| Refusal::missing_token().into_error())
    }
}
