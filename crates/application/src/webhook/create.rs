//! Creates endpoints.

use entrepot_domain::{
    Description, Version, WebhookId,
    audit::Origin,
    auth::Actor,
    webhook::{EventTypes, NewWebhook, Signing, Webhook, WebhookSecret, WebhookUrl},
};

use super::{WebhookService, require_staff};
use crate::Error;

/// The properties of a new endpoint.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    pub url: WebhookUrl,
    pub types: EventTypes,
    pub description: Description,
    pub signing: Signing,
}

/// An endpoint with its new secret.
#[derive(Debug, Clone)]
pub struct CreatedWebhook {
    pub webhook: Webhook,
    /// It is shown once.
    pub secret: WebhookSecret,
}

impl WebhookService {
    /// Creates an endpoint. A URL that may not be called is a validation error.
    pub async fn create(
        &self,
        actor: &Actor,
        request: WebhookRequest,
        origin: &Origin,
    ) -> Result<CreatedWebhook, Error> {
        require_staff(actor)?;
        self.check(&request.url).await?;
        let secret = self.secret(request.signing)?;
        let cause = self.cause(actor, origin);
        let webhook = Webhook {
            id: WebhookId(self.ports.ids.next()),
            url: request.url,
            types: request.types,
            description: request.description,
            active: true,
            signing: request.signing,
            public_key: secret.public_key(),
            created_by: actor.user,
            failing_since: None,
            version: Version::FIRST,
            created_at: cause.at,
            updated_at: cause.at,
        };
        let sealed = self.ports.sealer.seal(actor.user, &secret.to_bytes())?;
        let new = NewWebhook { webhook, secret: sealed };
        self.ports.webhooks.insert(&new, &cause).await?;
        Ok(CreatedWebhook { webhook: new.webhook, secret })
    }
}
