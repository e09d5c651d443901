//! Endpoints as rows.

use diesel::{
    ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
    SqliteConnection, sqlite::Sqlite,
};
use entrepot_domain::{
    Description, Fault, Invalid, UserId, Version, WebhookId,
    webhook::{EventTypes, NewWebhook, PublicKey, Webhook, WebhookUrl},
};

use crate::{
    error::fault,
    schema::webhooks,
    value::{Id, moment, read},
};

pub(super) const TABLE: &str = "webhooks";

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(Sqlite))]
pub(super) struct WebhookRow {
    id: Id,
    url: String,
    types: Option<i64>,
    description: String,
    active: bool,
    signing: String,
    public_key: Option<String>,
    created_by: Id,
    failing_since: Option<i64>,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(Insertable)]
#[diesel(table_name = webhooks)]
pub(super) struct NewRow<'a> {
    id: Id,
    url: &'a str,
    types: Option<i64>,
    description: &'a str,
    active: bool,
    signing: &'static str,
    public_key: Option<&'a str>,
    secret: &'a [u8],
    created_by: Id,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl<'a> From<&'a NewWebhook> for NewRow<'a> {
    fn from(NewWebhook { webhook, secret }: &'a NewWebhook) -> Self {
        Self {
            id: Id(webhook.id.0),
            url: webhook.url.as_str(),
            types: bits(webhook.types),
            description: webhook.description.as_str(),
            active: webhook.active,
            signing: webhook.signing.as_str(),
            public_key: webhook.public_key.as_ref().map(PublicKey::as_str),
            secret: &secret.0,
            created_by: Id(webhook.created_by.0),
            version: webhook.version.0,
            created_at: webhook.created_at.timestamp_millis(),
            updated_at: webhook.updated_at.timestamp_millis(),
        }
    }
}

pub(super) fn bits(types: EventTypes) -> Option<i64> {
    types.bits().map(i64::from)
}

/// The types of events that a column says.
pub(super) fn types(row: Id, bits: Option<i64>) -> Result<EventTypes, Fault> {
    let bits = bits.map(u16::try_from).transpose().map_err(|_| Invalid::new("is no sum of kinds"));
    read(TABLE, "types", row.0, bits.and_then(EventTypes::from_bits))
}

impl TryFrom<WebhookRow> for Webhook {
    type Error = Fault;

    fn try_from(row: WebhookRow) -> Result<Self, Fault> {
        let id = row.id.0;
        let at = |column, millis| moment(TABLE, column, id, millis);
        let public_key = row.public_key.map(|key| key.parse()).transpose();
        Ok(Self {
            id: WebhookId(id),
            url: read(TABLE, "url", id, WebhookUrl::parse(&row.url))?,
            types: types(row.id, row.types)?,
            description: read(TABLE, "description", id, Description::parse(&row.description))?,
            active: row.active,
            signing: read(TABLE, "signing", id, row.signing.parse())?,
            public_key: read(TABLE, "public_key", id, public_key)?,
            created_by: UserId(row.created_by.0),
            failing_since: row.failing_since.map(|millis| at("failing_since", millis)).transpose()?,
            version: Version(row.version),
            created_at: at("created_at", row.created_at)?,
            updated_at: at("updated_at", row.updated_at)?,
        })
    }
}

/// The endpoints that are not deleted.
#[diesel::dsl::auto_type]
pub(super) fn live() -> _ {
    webhooks::table.filter(webhooks::deleted_at.is_null())
}

pub(super) fn find(connection: &mut SqliteConnection, id: WebhookId) -> Result<Option<Webhook>, Fault> {
    let row = live().filter(webhooks::id.eq(Id(id.0))).select(WebhookRow::as_select());
    let row: Option<WebhookRow> = row.get_result(connection).optional().map_err(fault)?;
    row.map(Webhook::try_from).transpose()
}
