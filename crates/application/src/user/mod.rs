//! Accounts and roles.

mod delete;
mod read;
mod register;
mod roles;
mod update;

use std::sync::Arc;

use entrepot_domain::{
    Clock, IdGenerator, UserId,
    audit::{Cause, Origin, Who},
    auth::{Actor, PasswordHasher},
    user::UserRepository,
};
pub use register::Registration;
pub use update::UserUpdate;

use crate::{AccountMails, Error, LoginThrottle};

/// The ports that [`UserService`] holds.
pub struct UserPorts {
    pub users: Arc<dyn UserRepository>,
    pub hasher: Arc<dyn PasswordHasher>,
    /// Limits wrong passwords.
    pub throttle: Arc<LoginThrottle>,
    pub mails: Arc<AccountMails>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Accounts and roles.
pub struct UserService {
    ports: UserPorts,
}

impl UserService {
    /// Creates a service over these ports.
    pub fn new(ports: UserPorts) -> Self {
        Self { ports }
    }

    fn cause(&self, who: impl Into<Who>, origin: Option<&Origin>) -> Cause {
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: who.into(), origin: origin.cloned() }
    }
}

/// Requires that the actor is this user or an admin. Others get [`Error::NotFound`], so that they do not learn whether
/// the user exists.
fn require_self_or_admin(actor: &Actor, id: UserId) -> Result<(), Error> {
    if actor.is(id) || actor.is_admin() { Ok(()) } else { Err(Error::NotFound) }
}

fn require_admin(actor: &Actor) -> Result<(), Error> {
    if actor.is_admin() { Ok(()) } else { Err(Error::Forbidden) }
}
