//! API keys.

mod row;
pub(crate) mod write;

use async_trait::async_trait;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use entrepot_domain::{
    ApiKeyId, Fault, Timestamp, UserId,
    api_key::{ApiKey, ApiKeyError, ApiKeyRepository, KeyAccess, KeyPrefix, NewApiKey},
    audit::Cause,
};
use futures_util::FutureExt;
use row::{AccessRow, ApiKeyRow};

use crate::{
    PostgresStore,
    error::fault,
    schema::{api_keys, users},
    value::read,
};

#[async_trait]
impl ApiKeyRepository for PostgresStore {
    async fn insert(&self, new: &NewApiKey, max_live: u32, cause: &Cause) -> Result<(), ApiKeyError> {
        let new = (new.clone(), max_live, cause.clone());
        self.write(new, |connection, (new, max_live, cause)| write::insert(connection, new, *max_live, cause).boxed())
            .await
    }

    async fn access(&self, prefix: KeyPrefix) -> Result<Option<KeyAccess>, Fault> {
        let row: Option<AccessRow> = self
            .read(prefix, |connection, prefix| {
                let known = api_keys::table
                    .inner_join(users::table)
                    .filter(api_keys::prefix.eq(prefix.to_string()))
                    .filter(users::erased_at.is_null())
                    .select(AccessRow::as_select());
                async move { known.get_result(connection).await.optional().map_err(fault) }.boxed()
            })
            .await?;
        row.map(KeyAccess::try_from).transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<ApiKey>, Fault> {
        let rows: Vec<ApiKeyRow> = self
            .read((user, now), |connection, (user, now)| {
                let live = api_keys::table
                    .filter(api_keys::user_id.eq(user.0))
                    .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)))
                    .order(api_keys::id.desc())
                    .select(ApiKeyRow::as_select());
                async move { live.load(connection).await.map_err(fault) }.boxed()
            })
            .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    async fn revoke(&self, user: UserId, id: ApiKeyId, cause: &Cause) -> Result<Option<KeyPrefix>, Fault> {
        self.write((user, id, cause.clone()), |connection, (user, id, cause)| {
            write::revoke(connection, *user, *id, cause).boxed()
        })
        .await
    }

    async fn used(&self, id: ApiKeyId, at: Timestamp) -> Result<(), Fault> {
        self.write((id, at), |connection, (id, at)| write::used(connection, *id, *at).boxed()).await
    }

    async fn prefixes(&self, user: UserId) -> Result<Vec<KeyPrefix>, Fault> {
        let prefixes: Vec<String> = self
            .read(user, |connection, user| {
                let of_user = api_keys::table.filter(api_keys::user_id.eq(user.0)).select(api_keys::prefix);
                async move { of_user.load(connection).await.map_err(fault) }.boxed()
            })
            .await?;
        prefixes.iter().map(|prefix| read("api_keys", "prefix", user, prefix.parse())).collect()
    }
}
