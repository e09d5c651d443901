//! Updates and deletes endpoints, and rotates their secrets.

use std::time::Duration;

use entrepot_domain::{
    Version, WebhookId,
    audit::Origin,
    auth::Actor,
    saturating_add,
    webhook::{NewKeys, Webhook, WebhookChange},
};

use super::{CreatedWebhook, WebhookService, require_staff};
use crate::Error;

/// How long deliveries are signed with the secret before a rotation too.
const OVERLAP: Duration = Duration::from_hours(24);

impl WebhookService {
    /// Updates an endpoint. A URL that may not be called is a validation error.
    pub async fn update(
        &self,
        actor: &Actor,
        id: WebhookId,
        change: &WebhookChange,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<Webhook, Error> {
        require_staff(actor)?;
        if let Some(url) = &change.url {
            self.check(url).await?;
        }
        Ok(self.ports.webhooks.update(id, change, expected, &self.cause(actor, origin)).await?)
    }

    /// Replaces the secret of an endpoint. For a day deliveries are signed with the old one too.
    pub async fn rotate(
        &self,
        actor: &Actor,
        id: WebhookId,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<CreatedWebhook, Error> {
        let known = self.get(actor, id).await?;
        let secret = self.secret(known.signing)?;
        let cause = self.cause(actor, origin);
        let keys = NewKeys {
            secret: self.ports.sealer.seal(known.created_by, &secret.to_bytes())?,
            public_key: secret.public_key(),
            previous_until: saturating_add(cause.at, OVERLAP),
        };
        let webhook = self.ports.webhooks.rotate(id, &keys, expected, &cause).await?;
        Ok(CreatedWebhook { webhook, secret })
    }

    /// Deletes an endpoint with its deliveries.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: WebhookId,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<(), Error> {
        require_staff(actor)?;
        Ok(self.ports.webhooks.delete(id, expected, &self.cause(actor, origin)).await?)
    }
}
