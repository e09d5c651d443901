//! Rows of API keys.

use diesel::{Insertable, Queryable, Selectable, pg::Pg};
use entrepot_domain::{
    ApiKeyId, Fault, Timestamp, UserId,
    api_key::{ApiKey, ApiKeyName, KeyAccess, NewApiKey, Scopes},
    auth::TokenHash,
};
use uuid::Uuid;

use crate::{
    error::broken_row,
    schema::{api_keys, users},
    value::{read, roles},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, check_for_backend(Pg))]
pub(super) struct ApiKeyRow {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) hash: Vec<u8>,
    pub(super) scopes: i64,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) last_used_at: Option<Timestamp>,
}

impl From<&NewApiKey> for ApiKeyRow {
    fn from(new: &NewApiKey) -> Self {
        Self {
            id: new.key.id.0,
            user_id: new.key.user.0,
            name: new.key.name.as_str().to_owned(),
            prefix: new.key.prefix.to_string(),
            hash: new.hash.0.to_vec(),
            scopes: new.key.scopes.bits().into(),
            created_at: new.key.created_at,
            expires_at: new.key.expires_at,
            last_used_at: None,
        }
    }
}

fn scopes(row: Uuid, sum: i64) -> Result<Scopes, Fault> {
    let bits = u16::try_from(sum).map_err(|_| broken_row("api_keys", "scopes", row, "is no sum of scopes"))?;
    read("api_keys", "scopes", row, Scopes::from_bits(bits))
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = Fault;

    fn try_from(row: ApiKeyRow) -> Result<Self, Fault> {
        let id = row.id;
        Ok(Self {
            id: ApiKeyId(id),
            user: UserId(row.user_id),
            name: read("api_keys", "name", id, ApiKeyName::parse(&row.name))?,
            prefix: read("api_keys", "prefix", id, row.prefix.parse())?,
            scopes: scopes(id, row.scopes)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// A key with the roles of its user.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(Pg))]
pub(super) struct AccessRow {
    id: Uuid,
    user_id: Uuid,
    hash: Vec<u8>,
    scopes: i64,
    expires_at: Option<Timestamp>,
    #[diesel(select_expression = users::roles)]
    roles: i64,
}

impl TryFrom<AccessRow> for KeyAccess {
    type Error = Fault;

    fn try_from(row: AccessRow) -> Result<Self, Fault> {
        let id = row.id;
        let hash = row.hash.as_slice().try_into();
        Ok(Self {
            key: ApiKeyId(id),
            user: UserId(row.user_id),
            roles: roles(row.user_id, row.roles)?,
            scopes: scopes(id, row.scopes)?,
            hash: TokenHash(hash.map_err(|_| broken_row("api_keys", "hash", id, "is no SHA-256"))?),
            expires_at: row.expires_at,
        })
    }
}
