//! The audit entries of endpoints.

use super::Webhook;
use crate::audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change};

impl Cause {
    /// The entry for a new endpoint.
    pub fn webhook_created(&self, webhook: &Webhook) -> AuditEntry {
        let changes = vec![
            Change::to(AuditField::Url, &webhook.url),
            Change::to(AuditField::Types, &types(webhook)),
            Change::to(AuditField::Description, &webhook.description),
            Change::to(AuditField::Active, &webhook.active),
        ];
        self.entry(AuditAction::WebhookCreated, AuditSubject::Webhook(webhook.id), changes)
    }

    /// The entry for an updated endpoint.
    pub fn webhook_updated(&self, was: &Webhook, is: &Webhook) -> AuditEntry {
        self.entry(AuditAction::WebhookUpdated, AuditSubject::Webhook(is.id), difference(was, is))
    }

    /// The entry for an endpoint with a new secret.
    pub fn webhook_secret_rotated(&self, webhook: &Webhook) -> AuditEntry {
        self.entry(AuditAction::WebhookSecretRotated, AuditSubject::Webhook(webhook.id), Vec::new())
    }

    /// The entry for an endpoint that was deactivated because deliveries to it fail.
    pub fn webhook_deactivated(&self, was: &Webhook, is: &Webhook) -> AuditEntry {
        self.entry(AuditAction::WebhookDeactivated, AuditSubject::Webhook(is.id), difference(was, is))
    }

    /// The entry for a deleted endpoint.
    pub fn webhook_deleted(&self, webhook: &Webhook) -> AuditEntry {
        let changes = vec![Change::from(AuditField::Url, &webhook.url)];
        self.entry(AuditAction::WebhookDeleted, AuditSubject::Webhook(webhook.id), changes)
    }
}

fn types(webhook: &Webhook) -> String {
    webhook.types.names().join(", ")
}

fn difference(was: &Webhook, is: &Webhook) -> Vec<Change> {
    [
        Change::between(AuditField::Url, &was.url, &is.url),
        Change::between(AuditField::Types, &types(was), &types(is)),
        Change::between(AuditField::Description, &was.description, &is.description),
        Change::between(AuditField::Active, &was.active, &is.active),
    ]
    .into_iter()
    .flatten()
    .collect()
}
