//! Endpoints.

use std::time::Duration;

use super::{AttemptResult, EventTypes, PublicKey, Signing, WebhookUrl};
use crate::{Description, Timestamp, UserId, Version, WebhookId, saturating_add, second_factor::SealedSecret};

/// How long an endpoint may fail, without a success in between, before it is deactivated.
pub const FAILING_TIMEOUT: Duration = Duration::from_hours(5 * 24);

/// An endpoint that is sent events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: WebhookUrl,
    /// Which events it is sent.
    pub types: EventTypes,
    pub description: Description,
    /// An inactive one gets no events. Deliveries that wait are sent once it is active again.
    pub active: bool,
    pub signing: Signing,
    /// With [`Signing::Ed25519`].
    pub public_key: Option<PublicKey>,
    /// Its maker, for whom its secrets are sealed.
    pub created_by: UserId,
    /// The first failure after the last success.
    pub failing_since: Option<Timestamp>,
    /// Counts the changes that clients see.
    pub version: Version,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The sealed secrets of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKeys {
    pub current: SealedSecret,
    /// The secret before the last rotation, and until when deliveries are signed with it too.
    pub previous: Option<(SealedSecret, Timestamp)>,
}

impl Webhook {
    /// Decides what an attempt means for the endpoint; `None` if nothing changes. A receiver that is gone deactivates it,
    /// and so do failures for longer than [`FAILING_TIMEOUT`].
    pub fn attempted(&self, result: AttemptResult, now: Timestamp) -> Option<Self> {
        let failing_since = match result {
            AttemptResult::Succeeded => None,
            AttemptResult::Failed | AttemptResult::Gone => Some(self.failing_since.unwrap_or(now)),
        };
        let is_lost = failing_since.is_some_and(|since| saturating_add(since, FAILING_TIMEOUT) <= now);
        let active = self.active && result != AttemptResult::Gone && !is_lost;
        let is = Self { active, failing_since, ..self.clone() };
        if active != self.active {
            return Some(Self { version: self.version.next(), updated_at: now, ..is });
        }
        (is != *self).then_some(is)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::default() + chrono::TimeDelta::hours(hours)
    }

    fn webhook(failing_since: Option<Timestamp>) -> Webhook {
        Webhook {
            id: WebhookId(Uuid::nil()),
            url: WebhookUrl::parse("https://example.com").unwrap(),
            types: EventTypes::All,
            description: Description::default(),
            active: true,
            signing: Signing::Hmac,
            public_key: None,
            created_by: UserId(Uuid::nil()),
            failing_since,
            version: Version::FIRST,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn success_ends_a_series_of_failures() {
        assert_eq!(webhook(None).attempted(AttemptResult::Succeeded, at(1)), None);
        let first = webhook(None).attempted(AttemptResult::Failed, at(1)).unwrap();
        assert_eq!((first.failing_since, first.active, first.version), (Some(at(1)), true, Version::FIRST));
        assert_eq!(first.attempted(AttemptResult::Failed, at(2)), None);
        assert_eq!(first.attempted(AttemptResult::Succeeded, at(2)), Some(webhook(None)));
    }

    #[test]
    fn five_days_of_failures_deactivate_the_endpoint() {
        let failing = webhook(Some(at(0)));
        assert_eq!(failing.attempted(AttemptResult::Failed, at(5 * 24 - 1)), None);
        let lost = failing.attempted(AttemptResult::Failed, at(5 * 24)).unwrap();
        assert_eq!((lost.active, lost.version, lost.updated_at), (false, Version(2), at(5 * 24)));
        assert!(failing.attempted(AttemptResult::Succeeded, at(5 * 24)).unwrap().active);
        assert_eq!(lost.attempted(AttemptResult::Failed, at(6 * 24)), None);
    }

    #[test]
    fn gone_endpoint_is_deactivated_at_once() {
        let gone = webhook(None).attempted(AttemptResult::Gone, at(1)).unwrap();
        assert_eq!((gone.active, gone.version), (false, Version(2)));
    }
}
