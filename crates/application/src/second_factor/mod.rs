//! Second factors: an authenticator app, and recovery codes in case it is lost.

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
    pub factors: Arc<dyn SecondFactorRepository>,
    pub users: Arc<dyn UserRepository>,
    pub hasher: Arc<dyn PasswordHasher>,
    /// Seals the secrets, so that they cannot be read from the store.
    pub sealer: Arc<dyn Sealer>,
    pub random: Arc<dyn Randomness>,
    /// Limits wrong passwords and codes.
    pub throttle: Arc<LoginThrottle>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Second factors.
pub struct SecondFactorService {
    ports: SecondFactorPorts,
}

impl SecondFactorService {
    /// Creates a service over these ports.
    pub fn new(ports: SecondFactorPorts) -> Self {
        Self { ports }
    }

    fn cause(&self, actor: &Actor, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: actor.into(), origin }
    }
}
