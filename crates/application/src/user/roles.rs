//! Changes roles.

use entrepot_domain::{
    UserId, Version,
    audit::Origin,
    auth::Actor,
    user::{Roles, User},
};

use super::{UserService, require_admin};
use crate::{Error, permission::require_session};

impl UserService {
    /// Replaces the roles of a user, for admins. Takes effect immediately, also for tokens that were issued before.
    /// Returns [`Error::LastAdmin`] if no admin would remain.
    pub async fn set_roles(
        &self,
        actor: &Actor,
        id: UserId,
        roles: Roles,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<User, Error> {
        require_session(actor)?;
        require_admin(actor)?;
        let cause = self.cause(actor, Some(origin));
        let changed = self.ports.users.set_roles(id, roles, expected, &cause).await?;
        tracing::info!(user = %id, actor = %actor.user, roles = roles.bits(), "roles changed");
        Ok(changed.user)
    }
}
