//! Looking users up.

use entrepot_domain::{
    Listing, UserId,
    api_key::Scope,
    auth::Actor,
    user::{User, UserQuery},
};

use super::{UserService, may_see, must_be_admin};
use crate::{Error, proof::must_have};

impl UserService {
    /// A user, for themselves and for admins.
    pub async fn get(&self, actor: &Actor, id: UserId) -> Result<User, Error> {
        must_have(actor, Scope::UsersRead)?;
        may_see(actor, id)?;
        self.ports.users.find(id).await?.ok_or(Error::NotFound)
    }

    /// A part of the list of users, for admins.
    pub async fn list(&self, actor: &Actor, query: &UserQuery) -> Result<Listing<User>, Error> {
        must_have(actor, Scope::UsersRead)?;
        must_be_admin(actor)?;
        Ok(self.ports.users.list(query).await?)
    }
}
