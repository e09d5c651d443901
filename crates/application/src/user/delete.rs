//! Deletes accounts.

use entrepot_domain::{UserId, Version, audit::Origin, auth::Actor};

use super::{UserService, require_self_or_admin};
use crate::{Error, permission::require_session};

impl UserService {
    /// Erases the name, email and password of a user and ends their sessions, for the user and for admins. Orders are
    /// kept. Returns [`Error::LastAdmin`] for the last admin.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: UserId,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<(), Error> {
        require_session(actor)?;
        require_self_or_admin(actor, id)?;
        self.ports.users.erase(id, expected, &self.cause(actor, Some(origin))).await?;
        tracing::info!(user = %id, actor = %actor.user, "user erased");
        Ok(())
    }
}
