//! Deliveries as rows.

use std::time::Duration;

use diesel::{Queryable, Selectable, pg::Pg};
use entrepot_domain::{
    DeliveryId, Fault, Timestamp, WebhookId,
    job::ErrorText,
    webhook::{Delivery, DeliveryAttempt, ResponseText},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{error::broken_row, schema::webhook_deliveries, value::read};

pub(super) const TABLE: &str = "webhook_deliveries";

/// Whole milliseconds, a thousand years at the most.
pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).min(31_556_952_000_000)
}

/// An attempt as JSON.
#[derive(Serialize, Deserialize)]
struct AttemptJson {
    /// In milliseconds.
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// In milliseconds.
    duration: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response: Option<String>,
}

impl From<&DeliveryAttempt> for AttemptJson {
    fn from(attempt: &DeliveryAttempt) -> Self {
        Self {
            at: attempt.at.timestamp_millis(),
            status: attempt.status,
            duration: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            error: attempt.error.as_ref().map(|error| error.as_str().to_owned()),
            response: attempt.response.as_ref().map(|response| response.as_str().to_owned()),
        }
    }
}

/// Adds an attempt to those that a column has, and lets the oldest go.
pub(super) fn add_attempt(row: Uuid, column: &str, attempt: &DeliveryAttempt) -> Result<String, Fault> {
    let mut all: Vec<AttemptJson> =
        serde_json::from_str(column).map_err(|why| broken_row(TABLE, "attempts", row, why))?;
    all.push(attempt.into());
    let surplus = all.len().saturating_sub(Delivery::MAX_ATTEMPTS);
    serde_json::to_string(all.get(surplus..).unwrap_or_default()).map_err(Fault::unknown)
}

fn attempts(row: Uuid, column: &str) -> Result<Vec<DeliveryAttempt>, Fault> {
    let all: Vec<AttemptJson> = serde_json::from_str(column).map_err(|why| broken_row(TABLE, "attempts", row, why))?;
    let attempt = |json: AttemptJson| {
        Ok(DeliveryAttempt {
            at: Timestamp::from_timestamp_millis(json.at)
                .ok_or_else(|| broken_row(TABLE, "attempts", row, "is no moment"))?,
            status: json.status,
            duration: Duration::from_millis(json.duration),
            error: json.error.as_deref().map(ErrorText::new),
            response: json.response.as_deref().and_then(|text| ResponseText::new(text.as_bytes())),
        })
    };
    all.into_iter().map(attempt).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(Pg))]
pub(super) struct DeliveryRow {
    id: Uuid,
    webhook_id: Uuid,
    event_id: String,
    kind: String,
    status: String,
    attempts: String,
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Fault;

    fn try_from(row: DeliveryRow) -> Result<Self, Fault> {
        let id = row.id;
        Ok(Self {
            id: DeliveryId(id),
            webhook: WebhookId(row.webhook_id),
            event: row.event_id,
            kind: read(TABLE, "kind", id, row.kind.parse())?,
            status: read(TABLE, "status", id, row.status.parse())?,
            attempts: attempts(row.id, &row.attempts)?,
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
        })
    }
}
