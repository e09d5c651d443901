//! Reads endpoints.

use entrepot_domain::{
    Listing, WebhookId,
    auth::Actor,
    webhook::{Webhook, WebhookQuery},
};

use super::{WebhookService, require_staff};
use crate::Error;

impl WebhookService {
    /// Returns an endpoint.
    pub async fn get(&self, actor: &Actor, id: WebhookId) -> Result<Webhook, Error> {
        require_staff(actor)?;
        self.ports.webhooks.find(id).await?.ok_or(Error::NotFound)
    }

    /// Lists endpoints.
    pub async fn list(&self, actor: &Actor, query: &WebhookQuery) -> Result<Listing<Webhook>, Error> {
        require_staff(actor)?;
        Ok(self.ports.webhooks.list(query).await?)
    }
}
