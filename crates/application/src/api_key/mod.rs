//! Keys of machines.

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
    /// Where keys are kept.
    pub keys: Arc<dyn ApiKeyRepository>,
    /// Makes their secrets.
    pub random: Arc<dyn Randomness>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
}

/// Keys of machines.
pub struct ApiKeyService {
    ports: ApiKeyPorts,
    /// When the use of a key was last noted by this process.
    recorded_uses: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl ApiKeyService {
    /// A service over these ports.
    pub fn new(ports: ApiKeyPorts) -> Self {
        Self { ports, recorded_uses: Mutex::default() }
    }

    fn cause(&self, actor: &Actor, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: actor.into(), origin }
    }
}
