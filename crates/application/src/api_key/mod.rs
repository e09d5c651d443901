//! API keys, which let programs act for a user.

mod authenticate;
mod manage;

use std::{collections::HashMap, sync::Arc, sync::Mutex};

pub use authenticate::AuthenticatedKey;
use entrepot_domain::{
    ApiKeyId, Clock, IdGenerator, Timestamp,
    api_key::{ApiKeyRepository, Randomness},
    audit::{Cause, Origin},
    auth::Actor,
};
pub use manage::{ApiKeyRequest, CreatedKey};

/// The ports that [`ApiKeyService`] holds.
pub struct ApiKeyPorts {
    pub keys: Arc<dyn ApiKeyRepository>,
    /// Generates the secrets.
    pub random: Arc<dyn Randomness>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// API keys, which let programs act for a user.
pub struct ApiKeyService {
    ports: ApiKeyPorts,
    /// When this process last recorded a use of each key.
    recorded_uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl ApiKeyService {
    /// Creates a service over these ports.
    pub fn new(ports: ApiKeyPorts) -> Self {
        Self { ports, recorded_uses: Mutex::default() }
    }

    fn cause(&self, actor: &Actor, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: actor.into(), origin }
    }
}
