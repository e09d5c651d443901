//! Giving and taking roles.

use entrepot_domain::{
    UserId, Version,
    audit::Origin,
    auth::Actor,
    user::{Roles, User},
};

use super::{UserService, require_admin};
use crate::{Error, permission::require_session};

impl UserService {
    /// Gives a user these roles in place of those they have, for admins. It works at once, on tokens already out too.
    /// [`Error::LastAdmin`] if nobody would be left to manage users.
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
