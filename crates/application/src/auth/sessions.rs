//! Lists and ends sessions.

use entrepot_domain::{
    SessionId,
    audit::Origin,
    auth::{Actor, Session},
};

use super::AuthService;
use crate::{Error, permission::require_session};

impl AuthService {
    /// Lists the actor's live sessions, the last used first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, Error> {
        require_session(actor)?;
        Ok(self.ports.sessions.list(actor.user, self.ports.clock.now()).await?)
    }

    /// Ends one of the actor's sessions, which may be the present one. Returns [`Error::NotFound`] if it is not theirs
    /// or has ended.
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
