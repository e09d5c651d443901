//! The devices that are logged in.

use entrepot_domain::{
    SessionId,
    audit::Origin,
    auth::{Actor, Session},
};

use super::AuthService;
use crate::{Error, permission::require_session};

impl AuthService {
    /// The actor's live sessions, the last used first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, Error> {
        require_session(actor)?;
        Ok(self.ports.sessions.list(actor.user, self.ports.clock.now()).await?)
    }

    /// Ends one of the actor's sessions, the present one too if they like; [`Error::NotFound`] if it is not theirs or
    /// over already.
    pub async fn end_session(&self, actor: &Actor, id: SessionId, origin: &Origin) -> Result<(), Error> {
        require_session(actor)?;
        if self.ports.sessions.end(actor.user, id, &self.cause(actor, origin)).await? {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Ends all of the actor's sessions, the present one included.
    pub async fn end_all_sessions(&self, actor: &Actor, origin: &Origin) -> Result<(), Error> {
        require_session(actor)?;
        self.ports.sessions.end_all(actor.user, &self.cause(actor, origin)).await?;
        Ok(())
    }
}
