//! Claiming deliveries.

use std::time::Duration;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, SqliteConnection,
    dsl::{count_star, min},
    sqlite::Sqlite,
    update,
};
use entrepot_domain::{
    DeliveryId, Fault, Invalid, UserId, WebhookId,
    second_factor::SealedSecret,
    webhook::{
        ClaimedDelivery, DeliveryBacklog, DeliveryClaim, DeliveryLease, DeliveryStatus, SealedKeys, Subscriber,
        WebhookUrl,
    },
};

use super::row::{TABLE, millis, now};
use crate::{
    error::fault,
    schema::{webhook_deliveries, webhooks},
    value::{Id, moment, read},
    webhook::row::{live, types},
};

const PENDING: &str = DeliveryStatus::Pending.as_str();

pub(super) fn subscribers(connection: &mut SqliteConnection) -> Result<Vec<Subscriber>, Fault> {
    let rows = live().filter(webhooks::active.eq(true)).select((webhooks::id, webhooks::types));
    let rows: Vec<(Id, Option<i64>)> = rows.load(connection).map_err(fault)?;
    let subscriber = |(id, bits): (Id, _)| Ok(Subscriber { webhook: WebhookId(id.0), types: types(id, bits)? });
    rows.into_iter().map(subscriber).collect()
}

/// The deliveries that the claim gets at this moment.
pub(super) fn due(connection: &mut SqliteConnection, claim: &DeliveryClaim) -> Result<Vec<Id>, Fault> {
    let now = now(connection)?;
    let endpoints = live().select((webhooks::id, webhooks::active, webhooks::failing_since.is_not_null()));
    let endpoints: Vec<(Id, bool, bool)> = endpoints.load(connection).map_err(fault)?;
    let (mut healthy, mut failing) = (Vec::new(), Vec::new());
    for (webhook, is_active, is_failing) in endpoints {
        let at_once = if is_failing { 1 } else { i64::from(claim.per_endpoint) };
        let found = if is_failing { &mut failing } else { &mut healthy };
        found.extend(of_endpoint(connection, webhook, is_active, at_once, now)?);
    }
    let first = |mut found: Vec<(i64, Id)>, most: u32| {
        found.sort_unstable_by_key(|(due_at, id)| (*due_at, id.0));
        found.into_iter().map(|(_, id)| id).take(usize::try_from(most).unwrap_or(usize::MAX))
    };
    Ok(first(healthy, claim.healthy).chain(first(failing, claim.failing)).collect())
}

/// What is due to an endpoint to which so many deliveries may be sent at once.
fn of_endpoint(
    connection: &mut SqliteConnection,
    webhook: Id,
    is_active: bool,
    at_once: i64,
    now: i64,
) -> Result<Vec<(i64, Id)>, Fault> {
    let of_webhook = || webhook_deliveries::table.filter(webhook_deliveries::webhook_id.eq(webhook));
    let sent: i64 = of_webhook()
        .filter(webhook_deliveries::lease_until.ge(now))
        .select(count_star())
        .get_result(connection)
        .map_err(fault)?;
    let room = at_once.saturating_sub(sent);
    if room <= 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<(Option<i64>, Id)> = of_webhook()
        .filter(webhook_deliveries::status.eq(PENDING))
        .filter(webhook_deliveries::next_attempt_at.le(now))
        .filter(webhook_deliveries::lease_until.is_null().or(webhook_deliveries::lease_until.lt(now)))
        // Every delivery to an active endpoint, to an inactive one those that are forced.
        .filter(webhook_deliveries::forced.ge(!is_active))
        .order((webhook_deliveries::next_attempt_at, webhook_deliveries::id))
        .limit(room)
        .select((webhook_deliveries::next_attempt_at, webhook_deliveries::id))
        .load(connection)
        .map_err(fault)?;
    Ok(rows.into_iter().map(|(due_at, id)| (due_at.unwrap_or_default(), id)).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(Sqlite))]
struct ClaimedRow {
    id: Id,
    webhook_id: Id,
    event_id: String,
    kind: String,
    body: String,
    failures: i64,
    fence: i64,
    #[diesel(select_expression = webhooks::url)]
    url: String,
    #[diesel(select_expression = webhooks::created_by)]
    created_by: Id,
    #[diesel(select_expression = webhooks::secret)]
    secret: Vec<u8>,
    #[diesel(select_expression = webhooks::previous_secret)]
    previous_secret: Option<Vec<u8>>,
    #[diesel(select_expression = webhooks::previous_until)]
    previous_until: Option<i64>,
    #[diesel(select_expression = webhooks::failing_since)]
    failing_since: Option<i64>,
}

impl TryFrom<ClaimedRow> for ClaimedDelivery {
    type Error = Fault;

    fn try_from(row: ClaimedRow) -> Result<Self, Fault> {
        let id = row.id.0;
        let previous = row.previous_secret.zip(row.previous_until).map(|(secret, until)| {
            let until = moment("webhooks", "previous_until", row.webhook_id.0, until)?;
            Ok::<_, Fault>((SealedSecret(secret), until))
        });
        let failures = u32::try_from(row.failures).map_err(|_| Invalid::new("is out of range"));
        Ok(Self {
            lease: DeliveryLease { delivery: DeliveryId(id), fence: row.fence },
            webhook: WebhookId(row.webhook_id.0),
            url: read("webhooks", "url", row.webhook_id.0, WebhookUrl::parse(&row.url))?,
            created_by: UserId(row.created_by.0),
            keys: SealedKeys { current: SealedSecret(row.secret), previous: previous.transpose()? },
            is_failing: row.failing_since.is_some(),
            event: row.event_id,
            kind: read(TABLE, "kind", id, row.kind.parse())?,
            body: row.body,
            failures: read(TABLE, "failures", id, failures)?,
        })
    }
}

pub(super) fn claim(connection: &mut SqliteConnection, claim: &DeliveryClaim) -> Result<Vec<ClaimedDelivery>, Fault> {
    let ids = due(connection, claim)?;
    let lease_until = now(connection)?.saturating_add(millis(claim.lease));
    let rows = || webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids.clone()));
    update(rows())
        .set((
            webhook_deliveries::fence.eq(webhook_deliveries::fence + 1),
            webhook_deliveries::lease_until.eq(lease_until),
        ))
        .execute(connection)
        .map_err(fault)?;
    let claimed: Vec<ClaimedRow> = rows()
        .inner_join(webhooks::table.on(webhooks::id.eq(webhook_deliveries::webhook_id)))
        .order((webhook_deliveries::next_attempt_at, webhook_deliveries::id))
        .select(ClaimedRow::as_select())
        .load(connection)
        .map_err(fault)?;
    claimed.into_iter().map(ClaimedDelivery::try_from).collect()
}

pub(super) fn backlog(connection: &mut SqliteConnection) -> Result<DeliveryBacklog, Fault> {
    let now = now(connection)?;
    let (due, oldest): (i64, Option<i64>) = webhook_deliveries::table
        .inner_join(webhooks::table.on(webhooks::id.eq(webhook_deliveries::webhook_id)))
        .filter(webhooks::deleted_at.is_null())
        .filter(webhook_deliveries::status.eq(PENDING))
        .filter(webhook_deliveries::next_attempt_at.le(now))
        .filter(webhooks::active.eq(true).or(webhook_deliveries::forced.eq(true)))
        .select((count_star(), min(webhook_deliveries::next_attempt_at)))
        .get_result(connection)
        .map_err(fault)?;
    let oldest = oldest.map_or(0, |oldest| now.saturating_sub(oldest));
    Ok(DeliveryBacklog {
        due: u64::try_from(due).unwrap_or_default(),
        oldest: Duration::from_millis(u64::try_from(oldest).unwrap_or_default()),
    })
}
