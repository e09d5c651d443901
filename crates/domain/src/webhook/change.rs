//! New endpoints, and the decisions to change them.

use super::{EventTypes, PublicKey, Webhook, WebhookUrl};
use crate::{Description, Fault, Timestamp, Version, second_factor::SealedSecret};

/// An endpoint to be inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    pub webhook: Webhook,
    pub secret: SealedSecret,
}

/// The changes of an endpoint; `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    pub url: Option<WebhookUrl>,
    pub types: Option<EventTypes>,
    pub description: Option<Description>,
    pub active: Option<bool>,
}

/// A new secret of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeys {
    pub secret: SealedSecret,
    pub public_key: Option<PublicKey>,
    /// Until when deliveries are signed with the present secret too.
    pub previous_until: Timestamp,
}

/// Why a change of an endpoint, or of a delivery to it, was refused.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such endpoint, or no such delivery to it.
    #[error("no such webhook")]
    NotFound,
    /// The version is not the one that the caller expects.
    #[error("version conflict")]
    VersionConflict,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Webhook {
    /// Decides on a change. One that is activated has not failed yet.
    ///
    /// Errors: `VersionConflict`.
    pub fn change(
        &self,
        change: &WebhookChange,
        expected: Option<Version>,
        at: Timestamp,
    ) -> Result<Self, WebhookError> {
        self.at_version(expected)?;
        let active = change.active.unwrap_or(self.active);
        Ok(Self {
            url: change.url.as_ref().unwrap_or(&self.url).clone(),
            types: change.types.unwrap_or(self.types),
            description: change.description.as_ref().unwrap_or(&self.description).clone(),
            active,
            failing_since: if active && !self.active { None } else { self.failing_since },
            version: self.version.next(),
            updated_at: at,
            ..self.clone()
        })
    }

    /// Decides on a rotation of the secret.
    ///
    /// Errors: `VersionConflict`.
    pub fn rotate(&self, keys: &NewKeys, expected: Option<Version>, at: Timestamp) -> Result<Self, WebhookError> {
        self.at_version(expected)?;
        let (public_key, version) = (keys.public_key.clone(), self.version.next());
        Ok(Self { public_key, version, updated_at: at, ..self.clone() })
    }

    /// Decides whether it may be deleted.
    ///
    /// Errors: `VersionConflict`.
    pub fn delete(&self, expected: Option<Version>) -> Result<(), WebhookError> {
        self.at_version(expected)
    }

    fn at_version(&self, expected: Option<Version>) -> Result<(), WebhookError> {
        if self.version.satisfies(expected) { Ok(()) } else { Err(WebhookError::VersionConflict) }
    }
}
