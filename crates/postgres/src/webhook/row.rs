//! Endpoints as rows.

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, pg::Pg,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Description, Fault, Invalid, Timestamp, UserId, Version, WebhookId,
    webhook::{EventTypes, NewWebhook, PublicKey, Webhook, WebhookUrl},
};
use uuid::Uuid;

use crate::{error::fault, schema::webhooks, value::read};

pub(super) const TABLE: &str = "webhooks";

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(Pg))]
pub(super) struct WebhookRow {
    id: Uuid,
    url: String,
    types: Option<i64>,
    description: String,
    active: bool,
    signing: String,
    public_key: Option<String>,
    created_by: Uuid,
    failing_since: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Insertable)]
#[diesel(table_name = webhooks)]
pub(super) struct NewRow<'a> {
    id: Uuid,
    url: &'a str,
    types: Option<i64>,
    description: &'a str,
    active: bool,
    signing: &'static str,
    public_key: Option<&'a str>,
    secret: &'a [u8],
    created_by: Uuid,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a NewWebhook> for NewRow<'a> {
    fn from(NewWebhook { webhook, secret }: &'a NewWebhook) -> Self {
        Self {
            id: webhook.id.0,
            url: webhook.url.as_str(),
            types: bits(webhook.types),
            description: webhook.description.as_str(),
            active: webhook.active,
            signing: webhook.signing.as_str(),
            public_key: webhook.public_key.as_ref().map(PublicKey::as_str),
            secret: &secret.0,
            created_by: webhook.created_by.0,
            version: webhook.version.0,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

pub(super) fn bits(types: EventTypes) -> Option<i64> {
    types.bits().map(i64::from)
}

/// The types of events that a column says.
pub(super) fn types(row: Uuid, bits: Option<i64>) -> Result<EventTypes, Fault> {
    let bits = bits.map(u16::try_from).transpose().map_err(|_| Invalid::new("is no sum of kinds"));
    read(TABLE, "types", row, bits.and_then(EventTypes::from_bits))
}

impl TryFrom<WebhookRow> for Webhook {
    type Error = Fault;

    fn try_from(row: WebhookRow) -> Result<Self, Fault> {
        let id = row.id;
        let public_key = row.public_key.map(|key| key.parse()).transpose();
        Ok(Self {
            id: WebhookId(id),
            url: read(TABLE, "url", id, WebhookUrl::parse(&row.url))?,
            types: types(row.id, row.types)?,
            description: read(TABLE, "description", id, Description::parse(&row.description))?,
            active: row.active,
            signing: read(TABLE, "signing", id, row.signing.parse())?,
            public_key: read(TABLE, "public_key", id, public_key)?,
            created_by: UserId(row.created_by),
            failing_since: row.failing_since,
            version: Version(row.version),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The endpoints that are not deleted.
#[diesel::dsl::auto_type]
pub(super) fn live() -> _ {
    webhooks::table.filter(webhooks::deleted_at.is_null())
}

pub(super) async fn find(connection: &mut AsyncPgConnection, id: WebhookId) -> Result<Option<Webhook>, Fault> {
    let row = live().filter(webhooks::id.eq(id.0)).select(WebhookRow::as_select());
    let row: Option<WebhookRow> = row.get_result(connection).await.optional().map_err(fault)?;
    row.map(Webhook::try_from).transpose()
}

/// Returns an endpoint that is to be changed, and locks it.
pub(super) async fn lock(connection: &mut AsyncPgConnection, id: WebhookId) -> Result<Option<Webhook>, Fault> {
    let row = live().filter(webhooks::id.eq(id.0)).select(WebhookRow::as_select()).for_no_key_update();
    let row: Option<WebhookRow> = row.get_result(connection).await.optional().map_err(fault)?;
    row.map(Webhook::try_from).transpose()
}
