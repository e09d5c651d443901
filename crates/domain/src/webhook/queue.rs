//! Where deliveries wait for whoever sends them.

use std::time::Duration;

use async_trait::async_trait;

use super::{AttemptResult, DeliveryAttempt, DeliveryKind, EventTypes, NewDelivery, NextStep, SealedKeys, WebhookUrl};
use crate::{DeliveryId, Fault, UserId, WebhookId, audit::Cause, event::Consumed, job::NewJob};

/// An active endpoint, and which events it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    pub webhook: WebhookId,
    pub types: EventTypes,
}

/// How many deliveries a sender takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryClaim {
    /// At most so many to endpoints that do not fail.
    pub healthy: u32,
    /// At most so many to endpoints that fail.
    pub failing: u32,
    /// To one endpoint at most so many at once, whoever sends them; to one that fails, one.
    pub per_endpoint: u32,
    /// How long the lease lasts.
    pub lease: Duration,
}

/// The right to write what came of an attempt, until it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryLease {
    pub delivery: DeliveryId,
    /// The fencing number: each claim of a delivery has a greater one.
    pub fence: i64,
}

/// A delivery to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    pub lease: DeliveryLease,
    pub webhook: WebhookId,
    pub url: WebhookUrl,
    /// The maker of the endpoint, for whom the secrets are sealed.
    pub created_by: UserId,
    pub keys: SealedKeys,
    /// Whether the endpoint fails.
    pub is_failing: bool,
    /// The identifier of the event.
    pub event: String,
    pub kind: DeliveryKind,
    pub body: String,
    /// How often it has failed since it was made, or was retried after it was over.
    pub failures: u32,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub lease: DeliveryLease,
    pub webhook: WebhookId,
    pub attempt: DeliveryAttempt,
    pub result: AttemptResult,
    pub next: NextStep,
    /// Tells the maker of the endpoint that it was deactivated; queued if this attempt deactivates it.
    pub notice: Option<NewJob>,
}

/// How many deliveries wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryBacklog {
    /// How many are due, or are being sent.
    pub due: u64,
    /// How long the oldest of them has been due.
    pub oldest: Duration,
}

/// Keeps deliveries until they are made. Every method is atomic, and asks the store what time it is. Times in arguments
/// are counted from then.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// The active endpoints. An endpoint that was made or changed before the call is seen as it is then.
    async fn subscribers(&self) -> Result<Vec<Subscriber>, Fault>;

    /// Writes deliveries that are due at once, and moves the consumer. Returns false, and writes nothing, if the consumer
    /// is not where `consumed` says. Deliveries to endpoints that are gone are left out.
    async fn dispatch(&self, consumed: &Consumed, deliveries: &[NewDelivery]) -> Result<bool, Fault>;

    /// Returns when this process has made deliveries due since the last call returned.
    async fn queued(&self);

    /// Leases deliveries that are due and whose endpoint is active, or that somebody wants to be sent all the same; to
    /// each endpoint those that were due first. Each is given to one sender, however many ask at once. One whose lease
    /// ran out is due again.
    async fn claim(&self, claim: &DeliveryClaim) -> Result<Vec<ClaimedDelivery>, Fault>;

    /// Writes what came of an attempt, to the delivery and, as [`Webhook::attempted`](super::Webhook::attempted) decides,
    /// to its endpoint, with an audit entry and the notice if that was deactivated. Returns false, and writes nothing,
    /// if the lease is lost or the endpoint gone.
    async fn record(&self, recorded: &Recorded, cause: &Cause) -> Result<bool, Fault>;

    /// What waits.
    async fn backlog(&self) -> Result<DeliveryBacklog, Fault>;

    /// Forgets deliveries that were made longer ago than this and are over, or whose endpoint is inactive. Some at a time;
    /// returns how many.
    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault>;
}
