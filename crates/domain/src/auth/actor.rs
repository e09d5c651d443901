//! The actor of a use case.

use crate::{
    ApiKeyId, SessionId, UserId,
    api_key::{Scope, Scopes},
    audit::Who,
    user::{Role, Roles},
};

/// The user of a live session and their present roles, according to the store and not to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub user: UserId,
    pub roles: Roles,
}

/// How an actor was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// With a token of this session. Everything that the user's roles allow is allowed.
    Session(SessionId),
    /// With an API key. Its scopes limit what the user's roles allow.
    ApiKey { id: ApiKeyId, scopes: Scopes },
}

/// The actor of a use case. The edge creates it from a verified token or key; the use case decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub user: UserId,
    pub proof: Proof,
    pub roles: Roles,
}

impl Actor {
    /// Returns whether the actor may manage products, stock and all orders. Admins may do what staff may. API keys also
    /// need a scope: see [`has`](Self::has).
    pub const fn is_staff(&self) -> bool {
        self.roles.contains(Role::Staff) || self.roles.contains(Role::Admin)
    }

    /// Returns whether the actor may manage users and roles. API keys also need a scope: see [`has`](Self::has).
    pub const fn is_admin(&self) -> bool {
        self.roles.contains(Role::Admin)
    }

    /// Returns whether the actor is this user, or an API key of theirs.
    pub fn is(&self, user: UserId) -> bool {
        self.user == user
    }

    /// Returns whether the authentication allows this scope: a session allows every scope, an API key those that it
    /// has. The roles have to allow the operation as well.
    pub const fn has(&self, scope: Scope) -> bool {
        match self.proof {
            Proof::Session(_) => true,
            Proof::ApiKey { scopes, .. } => scopes.contains(scope),
        }
    }

    /// The session; `None` for API keys.
    pub const fn session(&self) -> Option<SessionId> {
        match self.proof {
            Proof::Session(session) => Some(session),
            Proof::ApiKey { .. } => None,
        }
    }
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        match actor.proof {
            Proof::Session(session) => Self::User { id: actor.user, session: Some(session) },
            Proof::ApiKey { id, .. } => Self::ApiKey { user: actor.user, key: id },
        }
    }
}
