//! What the way in which somebody proved who they are allows, beside their roles.

use entrepot_domain::{
    SessionId,
    api_key::Scope,
    auth::{Actor, Proof},
};

use crate::Error;

/// Lets machines do only what their key has the scope for.
pub(crate) fn require_scope(actor: &Actor, scope: Scope) -> Result<(), Error> {
    if actor.has(scope) { Ok(()) } else { Err(Error::InsufficientScope(scope)) }
}

/// Lets no machine: what is done here would give its holder more than the key does, or outlive it.
pub(crate) fn require_session(actor: &Actor) -> Result<SessionId, Error> {
    match actor.proof {
        Proof::Session(session) => Ok(session),
        Proof::ApiKey { .. } => Err(Error::LoginRequired),
    }
}
