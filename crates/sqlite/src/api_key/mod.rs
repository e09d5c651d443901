//! API keys.

mod row;
pub(crate) mod write;

use async_trait::async_trait;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use entrepot_domain::{
    ApiKeyId, Fault, Timestamp, UserId,
    api_key::{ApiKey, ApiKeyError, ApiKeyRepository, KeyAccess, KeyPrefix, NewApiKey},
    audit::Cause,
};
use row::{AccessRow, ApiKeyRow};

use crate::{
    SqliteStore,
    error::fault,
    schema::{api_keys, users},
    value::{Id, read},
};

#[async_trait]
impl ApiKeyRepository for SqliteStore {
    async fn insert(&self, new: &NewApiKey, max_live: u32, cause: &Cause) -> Result<(), ApiKeyError> {
        let (new, cause) = (new.clone(), cause.clone());
        self.write(move |connection| write::insert(connection, &new, max_live, &cause)).await
    }

    async fn access(&self, prefix: KeyPrefix) -> Result<Option<KeyAccess>, Fault> {
        let row: Option<AccessRow> = self
            .read(move |connection| {
                api_keys::table
                    .inner_join(users::table)
                    .filter(api_keys::prefix.eq(prefix.to_string()))
                    .filter(users::erased_at.is_null())
                    .select(AccessRow::as_select())
                    .get_result(connection)
                    .optional()
                    .map_err(fault)
            })
            .await?;
        row.map(KeyAccess::try_from).transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<ApiKey>, Fault> {
        let rows: Vec<ApiKeyRow> = self
            .read(move |connection| {
                let good = api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now.timestamp_millis()));
                api_keys::table
                    .filter(api_keys::user_id.eq(Id(user.0)))
                    .filter(good)
                    .order(api_keys::id.desc())
                    .select(ApiKeyRow::as_select())
                    .load(connection)
                    .map_err(fault)
            })
            .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    async fn revoke(&self, user: UserId, id: ApiKeyId, cause: &Cause) -> Result<Option<KeyPrefix>, Fault> {
        let cause = cause.clone();
        self.write(move |connection| write::revoke(connection, user, id, &cause)).await
    }

    async fn used(&self, id: ApiKeyId, at: Timestamp) -> Result<(), Fault> {
        self.write(move |connection| write::used(connection, id, at)).await
    }

    async fn prefixes(&self, user: UserId) -> Result<Vec<KeyPrefix>, Fault> {
        let prefixes: Vec<String> = self
            .read(move |connection| {
                let of_user = api_keys::table.filter(api_keys::user_id.eq(Id(user.0)));
                of_user.select(api_keys::prefix).load(connection).map_err(fault)
            })
            .await?;
        prefixes.iter().map(|prefix| read("api_keys", "prefix", user, prefix.parse())).collect()
    }
}
