//! Registration.

use entrepot_domain::{
    Email, UserId, Version,
    audit::{Cause, Origin, Who},
    auth::PlainPassword,
    user::{NewUser, PersonName, Role, Roles, User},
};

use super::UserService;
use crate::Error;

/// The properties of a new account.
#[derive(Debug, Clone)]
pub struct Registration {
    pub name: PersonName,
    pub email: Email,
    pub password: PlainPassword,
}

impl UserService {
    /// Creates a customer, and mails them a token that verifies their email. Returns [`Error::EmailTaken`] if the email address has an account.
    pub async fn register(&self, registration: Registration, origin: &Origin) -> Result<User, Error> {
        self.create(registration, Roles::CUSTOMER, &self.cause(Who::Anonymous, Some(origin)), true).await
    }

    /// Creates an admin, for the command line, which has no actor.
    pub async fn create_admin(&self, registration: Registration) -> Result<User, Error> {
        let roles = Roles::new([Role::Customer, Role::Admin]).map_err(|invalid| Error::field("roles", invalid))?;
        self.create(registration, roles, &self.cause(Who::CommandLine, None), false).await
    }

    /// Returns whether there is an admin.
    pub async fn has_admin(&self) -> Result<bool, Error> {
        Ok(self.ports.users.has_admin().await?)
    }

    async fn create(
        &self,
        registration: Registration,
        roles: Roles,
        cause: &Cause,
        with_mail: bool,
    ) -> Result<User, Error> {
        let password = self.ports.hasher.hash(&registration.password).await?;
        let user = User {
            id: UserId(self.ports.ids.next()),
            name: registration.name,
            email: registration.email,
            roles,
            email_verified: false,
            version: Version::FIRST,
            created_at: cause.at,
            updated_at: cause.at,
        };
        let verification = || self.ports.mails.verification(user.id, user.email.clone(), cause.at);
        let verification = with_mail.then(verification).transpose()?;
        let new = NewUser { user, password, verification };
        self.ports.users.insert(&new, cause).await?;
        Ok(new.user)
    }
}
