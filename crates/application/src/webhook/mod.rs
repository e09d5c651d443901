//! Webhooks.

mod change;
mod create;
mod deliveries;
mod dispatch;
mod read;

use std::sync::Arc;

pub use create::{CreatedWebhook, WebhookRequest};
pub use dispatch::{DispatchPorts, WebhookDispatch};
use entrepot_domain::{
    Clock, IdGenerator,
    api_key::{Randomness, Scope},
    audit::{Cause, Origin},
    auth::Actor,
    second_factor::Sealer,
    webhook::{
        DeliveryRepository, Signing, WebhookBodies, WebhookRepository, WebhookSecret, WebhookSender, WebhookUrl,
    },
};

use crate::{Error, permission::require_scope};

/// The ports that [`WebhookService`] holds.
pub struct WebhookPorts {
    pub webhooks: Arc<dyn WebhookRepository>,
    pub deliveries: Arc<dyn DeliveryRepository>,
    /// Writes the bodies of tests.
    pub bodies: Arc<dyn WebhookBodies>,
    /// Checks which URLs may be called.
    pub sender: Arc<dyn WebhookSender>,
    /// Seals the secrets, so that they cannot be read from the store.
    pub sealer: Arc<dyn Sealer>,
    /// Generates the secrets.
    pub random: Arc<dyn Randomness>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Webhooks, for staff and for API keys of staff with `webhooks:write`. All staff see all endpoints.
pub struct WebhookService {
    ports: WebhookPorts,
}

impl WebhookService {
    /// Creates a service over these ports.
    pub fn new(ports: WebhookPorts) -> Self {
        Self { ports }
    }

    fn cause(&self, actor: &Actor, origin: &Origin) -> Cause {
        let origin = Some(origin.clone());
        Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: actor.into(), origin }
    }

    /// A validation error if the URL may not be called.
    async fn check(&self, url: &WebhookUrl) -> Result<(), Error> {
        let checked = self.ports.sender.check(url).await;
        checked.map_err(|refusal| Error::field("url", refusal.to_string()))
    }

    fn secret(&self, signing: Signing) -> Result<WebhookSecret, Error> {
        let shared = self.ports.random.bytes()?;
        let ed25519 = match signing {
            Signing::Hmac => None,
            Signing::Ed25519 => Some(self.ports.random.bytes()?),
        };
        Ok(WebhookSecret::new(shared, ed25519))
    }
}

fn require_staff(actor: &Actor) -> Result<(), Error> {
    require_scope(actor, Scope::WebhooksWrite)?;
    if actor.is_staff() { Ok(()) } else { Err(Error::Forbidden) }
}
