//! Deliveries, as staff see them.

use entrepot_domain::{
    DeliveryId, Listing, WebhookId,
    auth::Actor,
    webhook::{Delivery, DeliveryKind, DeliveryQuery, NewDelivery},
};

use super::{WebhookService, require_staff};
use crate::Error;

impl WebhookService {
    /// Lists deliveries to an endpoint.
    pub async fn deliveries(&self, actor: &Actor, query: &DeliveryQuery) -> Result<Listing<Delivery>, Error> {
        self.get(actor, query.filter.webhook).await?;
        Ok(self.ports.deliveries.list(query).await?)
    }

    /// Sends an event of its own to an endpoint, also to an inactive one.
    pub async fn test(&self, actor: &Actor, id: WebhookId) -> Result<Delivery, Error> {
        require_staff(actor)?;
        let (event, at) = (self.ports.ids.next().to_string(), self.ports.clock.now());
        let body = self.ports.bodies.test(&event, id, at)?;
        let delivery = NewDelivery {
            id: DeliveryId(self.ports.ids.next()),
            webhook: id,
            event,
            kind: DeliveryKind::Test,
            body: body.into(),
        };
        Ok(self.ports.deliveries.insert(&delivery).await?)
    }

    /// Sends a delivery again at once, whatever has become of it.
    pub async fn retry(&self, actor: &Actor, webhook: WebhookId, id: DeliveryId) -> Result<Delivery, Error> {
        require_staff(actor)?;
        Ok(self.ports.deliveries.retry(webhook, id).await?)
    }
}
