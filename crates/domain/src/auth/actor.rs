//! On whose behalf something is done.

use crate::{
    ApiKeyId, SessionId, UserId,
    api_key::{Scope, Scopes},
    audit::Who,
    user::{Role, Roles},
};

/// Who stands behind a live session, as the store knows it now, whatever a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Whose session.
    pub user: UserId,
    /// What they may do now.
    pub roles: Roles,
}

/// How an actor has proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By a token of this login: a person, who may do all that their roles allow.
    Session(SessionId),
    /// With an API key. Its scopes limit what the user's roles allow.
    ApiKey { id: ApiKeyId, scopes: Scopes },
}

/// On whose behalf a use case runs. The edge makes it from a checked token or key; the use case decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// How they proved it.
    pub proof: Proof,
    /// What they may do.
    pub roles: Roles,
}

impl Actor {
    /// May manage products, stock and all orders. Admins may do what staff may. Of a machine see also
    /// [`has`](Self::has).
    pub const fn is_staff(&self) -> bool {
        self.roles.contains(Role::Staff) || self.roles.contains(Role::Admin)
    }

    /// May manage users and roles. Of a machine see also [`has`](Self::has).
    pub const fn is_admin(&self) -> bool {
        self.roles.contains(Role::Admin)
    }

    /// Is that very user, or a machine that acts for them.
    pub fn is(&self, user: UserId) -> bool {
        self.user == user
    }

    /// Whether how they proved themselves allows this: a login does, a key if it has the scope. Their roles count as
    /// well.
    pub const fn has(&self, scope: Scope) -> bool {
        match self.proof {
            Proof::Session(_) => true,
            Proof::ApiKey { scopes, .. } => scopes.contains(scope),
        }
    }

    /// By which login; `None` for machines.
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
