//! Deliveries as rows.

use std::time::Duration;

use diesel::{
    Queryable, RunQueryDsl, Selectable, SqliteConnection, dsl::sql, select, sql_types::BigInt, sqlite::Sqlite,
};
use entrepot_domain::{
    DeliveryId, Fault, Timestamp, WebhookId,
    job::ErrorText,
    webhook::{Delivery, DeliveryAttempt, ResponseText},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::{broken_row, fault},
    schema::webhook_deliveries,
    value::{Id, moment, read},
};

pub(super) const TABLE: &str = "webhook_deliveries";

/// What time it is, in milliseconds.
pub(super) fn now(connection: &mut SqliteConnection) -> Result<i64, Fault> {
    select(sql::<BigInt>("CAST(unixepoch('subsec') * 1000 AS INTEGER)")).get_result(connection).map_err(fault)
}

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
pub(super) fn add_attempt(row: Id, column: &str, attempt: &DeliveryAttempt) -> Result<String, Fault> {
    let mut all: Vec<AttemptJson> =
        serde_json::from_str(column).map_err(|why| broken_row(TABLE, "attempts", row.0, why))?;
    all.push(attempt.into());
    let surplus = all.len().saturating_sub(Delivery::MAX_ATTEMPTS);
    serde_json::to_string(all.get(surplus..).unwrap_or_default()).map_err(Fault::unknown)
}

fn attempts(row: Id, column: &str) -> Result<Vec<DeliveryAttempt>, Fault> {
    let all: Vec<AttemptJson> =
        serde_json::from_str(column).map_err(|why| broken_row(TABLE, "attempts", row.0, why))?;
    let attempt = |json: AttemptJson| {
        Ok(DeliveryAttempt {
            at: moment(TABLE, "attempts", row.0, json.at)?,
            status: json.status,
            duration: Duration::from_millis(json.duration),
            error: json.error.as_deref().map(ErrorText::new),
            response: json.response.as_deref().and_then(|text| ResponseText::new(text.as_bytes())),
        })
    };
    all.into_iter().map(attempt).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(Sqlite))]
pub(super) struct DeliveryRow {
    id: Id,
    webhook_id: Id,
    event_id: String,
    kind: String,
    status: String,
    attempts: String,
    next_attempt_at: Option<i64>,
    created_at: i64,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = Fault;

    fn try_from(row: DeliveryRow) -> Result<Self, Fault> {
        let id = row.id.0;
        let at = |column, millis| -> Result<Timestamp, Fault> { moment(TABLE, column, id, millis) };
        Ok(Self {
            id: DeliveryId(id),
            webhook: WebhookId(row.webhook_id.0),
            event: row.event_id,
            kind: read(TABLE, "kind", id, row.kind.parse())?,
            status: read(TABLE, "status", id, row.status.parse())?,
            attempts: attempts(row.id, &row.attempts)?,
            next_attempt_at: row.next_attempt_at.map(|millis| at("next_attempt_at", millis)).transpose()?,
            created_at: at("created_at", row.created_at)?,
        })
    }
}
