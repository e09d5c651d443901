//! Deliveries.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

use super::DeliveryAttempt;
use crate::{DeliveryId, Invalid, Sort, SortField, SortValue, Timestamp, WebhookId, Window, event::EventKind};

/// What a delivery is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// An event of the log.
    Event(EventKind),
    /// `webhook.test`: somebody wants to see whether deliveries arrive.
    Test,
}

impl DeliveryKind {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event(kind) => kind.as_str(),
            Self::Test => "webhook.test",
        }
    }
}

impl FromStr for DeliveryKind {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        if name == Self::Test.as_str() { Ok(Self::Test) } else { name.parse().map(Self::Event) }
    }
}

/// What has become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It waits for its next attempt, or is being sent.
    Pending,
    Succeeded,
    /// It failed for the last time.
    Dead,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Dead];

    /// Its name, as clients and stores know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
        }
    }
}

impl FromStr for DeliveryStatus {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == name);
        known.ok_or_else(|| Invalid::new("must be one of pending, succeeded, dead"))
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    /// The identifier of the event: `webhook-id`.
    pub event: String,
    pub kind: DeliveryKind,
    pub status: DeliveryStatus,
    /// The last attempts, the oldest first: [`MAX_ATTEMPTS`](Self::MAX_ATTEMPTS) at the most.
    pub attempts: Vec<DeliveryAttempt>,
    /// `None` when it is over.
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Delivery {
    /// How many attempts are kept. Only those who retry by hand again and again get so far.
    pub const MAX_ATTEMPTS: usize = 20;
}

/// A delivery to be made, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// A `UUIDv7`.
    pub id: DeliveryId,
    pub webhook: WebhookId,
    /// The identifier of the event.
    pub event: String,
    pub kind: DeliveryKind,
    /// What is sent, the same at each attempt.
    pub body: Arc<str>,
}

/// The filter of a list of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Those to this endpoint.
    pub webhook: WebhookId,
    pub status: Option<DeliveryStatus>,
}

/// The sort keys of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverySort {
    CreatedAt,
}

impl SortField for DeliverySort {
    type Item = Delivery;

    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt)];

    fn value(self, delivery: &Delivery) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::Time(delivery.created_at),
        }
    }

    fn id(delivery: &Delivery) -> Uuid {
        delivery.id.0
    }
}

/// A query for a list of deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryQuery {
    pub filter: DeliveryFilter,
    pub sort: Sort<DeliverySort>,
    pub window: Window,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for status in DeliveryStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for kind in [DeliveryKind::Test, DeliveryKind::Event(EventKind::StockChanged)] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("webhook".parse::<DeliveryKind>().is_err() && "failed".parse::<DeliveryStatus>().is_err());
    }
}
