//! The second proof of who somebody is: an authenticator app, and recovery codes for when it is lost.

mod code;
mod manage;
mod recovery;

use std::sync::Arc;

pub(crate) use code::take_code;
use entrepot_domain::{
    Clock, IdGenerator,
    api_key::Randomness,
    audit::{Cause, Origin},
    auth::{Actor, PasswordHasher},
    second_factor::{Sealer, SecondFactorRepository},
    user::UserRepository,
};
pub use manage::{Enrolment, SecondFactorStatus};

use crate::LoginThrottle;

/// The ports that [`SecondFactorService`] holds.
pub struct SecondFactorPorts {
    /// Where second factors are kept.
    pub factors: Arc<dyn SecondFactorRepository>,
    /// Whose they are.
    pub users: Arc<dyn UserRepository>,
    /// Checks passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Hides secrets from whoever reads the store.
    pub sealer: Arc<dyn Sealer>,
    /// Makes secrets.
    pub random: Arc<dyn Randomness>,
    /// Counts wrong passwords and codes.
    pub throttle: Arc<LoginThrottle>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
}

/// The second proof of who somebody is.
pub struct SecondFactorService {
    ports: SecondFactorPorts,
}

impl SecondFactorService {
    /// A service over these ports.
    pub fn new(ports: SecondFactorPorts) -> Self {
        Self { ports }
    }

    fn cause(&self, actor: &Actor, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: actor.into(), origin }
    }
}
