//! Webhooks: endpoints of others that are sent events as they happen.
//!
//! A consumer of the event log writes a [`Delivery`] for each endpoint that wants an event, in the transaction that moves
//! its position, so that no event is lost or written twice. Deliveries are sent at least once, each on its own: one that
//! fails waits for its next attempt without holding up the others.
//!
//! Signatures are those of [Standard Webhooks](https://www.standardwebhooks.com).

mod address;
mod attempt;
mod audit;
mod change;
mod delivery;
mod endpoint;
mod keys;
mod port;
mod queue;
mod send;
mod types;
mod url;

pub use address::{is_public, is_reserved_name};
pub use attempt::{AttemptResult, DeliveryAttempt, MAX_RESPONSE_BYTES, NextStep, RETRY_DELAYS, ResponseText};
pub use change::{NewKeys, NewWebhook, WebhookChange, WebhookError};
pub use delivery::{Delivery, DeliveryFilter, DeliveryKind, DeliveryQuery, DeliverySort, DeliveryStatus, NewDelivery};
pub use endpoint::{FAILING_TIMEOUT, SealedKeys, Webhook};
pub use keys::{PublicKey, Signing, WebhookSecret};
pub use port::{DeliveryRepository, WebhookQuery, WebhookRepository, WebhookSort};
#[cfg(feature = "mock")]
pub use port::{MockDeliveryRepository, MockWebhookRepository};
#[cfg(feature = "mock")]
pub use queue::MockDeliveryQueue;
pub use queue::{ClaimedDelivery, DeliveryBacklog, DeliveryClaim, DeliveryLease, DeliveryQueue, Recorded, Subscriber};
pub use send::{Answer, Outgoing, UrlRefusal, WebhookBodies, WebhookSender};
#[cfg(feature = "mock")]
pub use send::{MockWebhookBodies, MockWebhookSender};
pub use types::EventTypes;
pub use url::{WebhookHost, WebhookUrl};
