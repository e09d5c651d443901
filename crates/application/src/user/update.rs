//! Updates accounts.

use entrepot_domain::{
    Email, UserId, Version,
    audit::Origin,
    auth::{Actor, PasswordHash, PlainPassword},
    user::{PersonName, User, UserChange},
};

use super::{UserService, require_self_or_admin};
use crate::{Error, permission::require_session};

/// The changes of an account; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    pub name: Option<PersonName>,
    pub email: Option<Email>,
    /// Ends all other sessions.
    pub password: Option<PlainPassword>,
    /// Required from users who change their own email or password.
    pub current_password: Option<String>,
}

impl UserService {
    /// Updates an account, for its user and for admins. A new email has to be verified, and a new password is told of by
    /// mail. Users need their current password to change their email or
    /// password. A missing or wrong one is a validation error and counts as a failed login from this address. The
    /// number of wrong passwords per account is limited, whatever address they come from.
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
        let cause = self.cause(actor, Some(origin));
        let verification = update.email.clone().map(|email| self.ports.mails.verification(id, email, cause.at));
        let password_mail = password.as_ref().map(|_| self.ports.mails.password_changed(id, cause.at));
        let change = UserChange {
            name: update.name,
            email: update.email,
            password,
            keep,
            proved,
            verification: verification.transpose()?,
            password_mail: password_mail.transpose()?,
        };
        Ok(self.ports.users.update(id, &change, expected, &cause).await?.user)
    }

    /// Checks the current password and returns its hash.
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
