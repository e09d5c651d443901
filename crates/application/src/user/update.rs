//! Changing an account.

use entrepot_domain::{
    Email, UserId, Version,
    audit::Origin,
    auth::{Actor, PasswordHash, PlainPassword},
    user::{PersonName, User, UserChange},
};

use super::{UserService, require_self_or_admin};
use crate::{Error, permission::require_session};

/// What to change; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    /// A new name.
    pub name: Option<PersonName>,
    /// A new address.
    pub email: Option<Email>,
    /// A new password; ends all other sessions.
    pub password: Option<PlainPassword>,
    /// What users prove themselves with to change their own address or password.
    pub current_password: Option<String>,
}

impl UserService {
    /// Changes an account, for its user and for admins. Users need their current password to change their address or
    /// password: missing or wrong, it is a bad field, and counts as a failed login from that address. Of wrong ones an
    /// account bears only so many, from wherever they come.
    pub async fn update(
        &self,
        actor: &Actor,
        id: UserId,
        update: UserUpdate,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<User, Error> {
        let session = require_session(actor)?;
        require_self_or_admin(actor, id)?;
        let sensitive = update.email.is_some() || update.password.is_some();
        let proved = if sensitive && actor.is(id) {
            Some(self.prove(id, update.current_password.as_deref(), origin).await?)
        } else {
            None
        };
        let password = match &update.password {
            Some(password) => Some(self.ports.hasher.hash(password).await?),
            None => None,
        };
        let keep = actor.is(id).then_some(session);
        let change = UserChange { name: update.name, email: update.email, password, keep, proved };
        let cause = self.cause(actor, Some(origin));
        Ok(self.ports.users.update(id, &change, expected, &cause).await?.user)
    }

    /// What the password was checked against, if it is right.
    async fn prove(&self, id: UserId, password: Option<&str>, origin: &Origin) -> Result<PasswordHash, Error> {
        let known = self.ports.users.credentials(id).await?.ok_or(Error::NotFound)?;
        let attempt = self.ports.throttle.login(origin.address, &known.user.email).await?;
        let Some(password) = password else {
            attempt.failed().await?;
            return Err(Error::field("currentPassword", "is required to change email or password"));
        };
        let guess = self.ports.throttle.password(id).await?;
        if self.ports.hasher.verify(password, Some(known.password.clone())).await? {
            return Ok(known.password);
        }
        attempt.failed_with(Some(guess)).await?;
        Err(Error::field("currentPassword", "is wrong"))
    }
}
