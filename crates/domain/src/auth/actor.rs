//! On whose behalf something is done.

use crate::{
    SessionId, UserId,
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

/// On whose behalf a use case runs. The edge makes it from a checked token; the use case decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// By which login; `None` for machines and the command line.
    pub session: Option<SessionId>,
    /// What they may do.
    pub roles: Roles,
}

impl Actor {
    /// May manage products, stock and all orders. Admins may do what staff may.
    pub const fn is_staff(&self) -> bool {
        self.roles.contains(Role::Staff) || self.roles.contains(Role::Admin)
    }

    /// May manage users and roles.
    pub const fn is_admin(&self) -> bool {
        self.roles.contains(Role::Admin)
    }

    /// Is that very user.
    pub fn is(&self, user: UserId) -> bool {
        self.user == user
    }
}
