//! What users do with mailed tokens: set a new password, and verify their email.

mod email;
mod password;

use std::sync::Arc;

use entrepot_domain::{
    Clock, IdGenerator, UserId,
    account_token::{AccountSecret, TokenPurpose},
    audit::{Cause, Origin, Who},
    auth::{PasswordHasher, TokenHash},
    job::JobQueue,
    user::{AccountTokenRepository, UserRepository},
};

use crate::{AccountMails, Error};

/// The ports that [`AccountService`] holds.
pub struct AccountPorts {
    pub users: Arc<dyn UserRepository>,
    pub tokens: Arc<dyn AccountTokenRepository>,
    /// Where the job that looks for a user waits.
    pub queue: Arc<dyn JobQueue>,
    pub hasher: Arc<dyn PasswordHasher>,
    pub mails: Arc<AccountMails>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// What users do with mailed tokens.
pub struct AccountService {
    ports: AccountPorts,
}

impl AccountService {
    /// Creates a service over these ports.
    pub fn new(ports: AccountPorts) -> Self {
        Self { ports }
    }

    /// The user of a token that was presented, its hash, and the context of what they do with it.
    async fn redeem(
        &self,
        token: &str,
        purpose: TokenPurpose,
        origin: &Origin,
    ) -> Result<(UserId, TokenHash, Cause), Error> {
        let hash = AccountSecret::parse(token).map_err(|_| bad_token())?.hash();
        let now = self.ports.clock.now();
        let user = self.ports.tokens.owner(&hash, purpose, now).await?.ok_or_else(bad_token)?;
        let who = Who::User { id: user, session: None };
        let cause = Cause { id: self.ports.ids.next(), at: now, who, origin: Some(origin.clone()) };
        Ok((user, hash, cause))
    }
}

/// Does not say which of these it is.
fn bad_token() -> Error {
    Error::field("token", "is wrong, was used before, or has expired")
}
