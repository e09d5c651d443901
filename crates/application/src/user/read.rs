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

    /// Lists users, for admins.
    pub async fn list(&self, actor: &Actor, query: &UserQuery) -> Result<Listing<User>, Error> {
        require_scope(actor, Scope::UsersRead)?;
        require_admin(actor)?;
        Ok(self.ports.users.list(query).await?)
    }
}
