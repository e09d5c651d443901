//! Reads users.

use entrepot_domain::{
    Listing, UserId,
    api_key::Scope,
    auth::Actor,
    user::{User, UserQuery},
};

use super::{UserService, require_admin, require_self_or_admin};
use crate::{Error, permission::require_scope};

impl UserService {
    /// Returns a user, for the user and for admins.
    pub async fn get(&self, actor: &Actor, id: UserId) -> Result<User, Error> {
        require_scope(actor, Scope::UsersRead)?;
        require_self_or_admin(actor, id)?;
        self.ports.users.find(id).await?.ok_or(Error::NotFound)
    }

    /// Returns those of these users that the actor may see, in any order.
    pub async fn find_many(&self, actor: &Actor, ids: &[UserId]) -> Result<Vec<User>, Error> {
        require_scope(actor, Scope::UsersRead)?;
        let visible: Vec<UserId> = ids.iter().copied().filter(|id| require_self_or_admin(actor, *id).is_ok()).collect();
        if visible.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.ports.users.find_many(&visible).await?)
    }

    /// Lists users, for admins.
    pub async fn list(&self, actor: &Actor, query: &UserQuery) -> Result<Listing<User>, Error> {
        require_scope(actor, Scope::UsersRead)?;
        require_admin(actor)?;
        Ok(self.ports.users.list(query).await?)
    }
}
