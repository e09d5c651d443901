//! Permissions that depend on how the actor was authenticated, besides their roles.

use entrepot_domain::{
    SessionId,
    api_key::Scope,
    auth::{Actor, Proof},
};

use crate::Error;

/// Requires the scope of an actor with an API key.
pub(crate) fn require_scope(actor: &Actor, scope: Scope) -> Result<(), Error> {
    if actor.has(scope) { Ok(()) } else { Err(Error::InsufficientScope(scope)) }
}

/// Requires a login. Refuses API keys, where an operation would give their holder more rights than the key has, or
/// rights that outlive it.
pub(crate) fn require_session(actor: &Actor) -> Result<SessionId, Error> {
    match actor.proof {
        Proof::Session(session) => Ok(session),
        Proof::ApiKey { .. } => Err(Error::LoginRequired),
    }
}
