//! The port that sends deliveries.

use std::time::Duration;

use async_trait::async_trait;

use super::{ResponseText, WebhookUrl};
use crate::{Fault, Invalid, Timestamp, WebhookId, event::Event, job::ErrorText};

/// What is sent to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub url: WebhookUrl,
    /// `webhook-id`.
    pub event: String,
    /// `webhook-timestamp`.
    pub at: Timestamp,
    /// `webhook-signature`.
    pub signatures: String,
    /// JSON.
    pub body: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `None` without an answer.
    pub status: Option<u16>,
    pub duration: Duration,
    /// Why there was no answer, or why it does not count.
    pub error: Option<ErrorText>,
    pub response: Option<ResponseText>,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why a URL may not be called, worded to follow the name of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct UrlRefusal(#[from] pub Invalid);

/// Sends deliveries. Calls only addresses that are public, unless it was told to call all of them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Returns whether a URL may be called at present: its host resolves, and to public addresses only.
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal>;

    /// Sends once, and returns within seconds whatever the receiver does. Connects only to an address that was checked for
    /// this call.
    async fn send(&self, outgoing: &Outgoing) -> Answer;
}

/// Writes the bodies of deliveries.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait WebhookBodies: Send + Sync {
    /// The body for an event of the log.
    fn event(&self, event: &Event) -> Result<String, Fault>;

    /// The body for a test of an endpoint, as an event with this identifier.
    fn test(&self, id: &str, webhook: WebhookId, at: Timestamp) -> Result<String, Fault>;
}
