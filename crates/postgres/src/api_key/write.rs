//! Changes of API keys, each in a transaction.

use std::time::Duration;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, delete, dsl::count_star, insert_into, update,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    ApiKeyId, Fault, Timestamp, UserId,
    api_key::{ApiKeyError, KeyPrefix, NewApiKey},
    audit::Cause,
};

use super::row::ApiKeyRow;
use crate::{
    audit,
    error::{fault, fault_or_raced},
    owner::must_exist,
    schema::api_keys,
    sweep::sweep,
    value::read,
};

/// The number of old expired keys that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_KEYS: i64 = 4;

/// How long an expired key is kept.
const EXPIRED_KEY_RETENTION: Duration = Duration::from_hours(24);

pub(super) async fn insert(
    connection: &mut AsyncPgConnection,
    new: &NewApiKey,
    max_live: u32,
    cause: &Cause,
) -> Result<(), ApiKeyError> {
    let row = ApiKeyRow::from(new);
    sweep(connection, "api_keys", row.created_at - EXPIRED_KEY_RETENTION, MAX_SWEPT_KEYS).await?;
    must_exist(connection, row.user_id, "a key").await?;
    let live: i64 = api_keys::table
        .filter(api_keys::user_id.eq(row.user_id))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(row.created_at)))
        .select(count_star())
        .get_result(connection)
        .await
        .map_err(fault)?;
    if live >= i64::from(max_live) {
        return Err(ApiKeyError::TooMany);
    }
    let inserted = insert_into(api_keys::table).values(&row).execute(connection).await;
    inserted.map_err(|error| fault_or_raced(error, "api_keys_prefix_key"))?;
    Ok(audit::write(connection, &cause.api_key_created(&new.key)).await?)
}

pub(super) async fn revoke(
    connection: &mut AsyncPgConnection,
    user: UserId,
    id: ApiKeyId,
    cause: &Cause,
) -> Result<Option<KeyPrefix>, Fault> {
    let live = api_keys::table
        .filter(api_keys::id.eq(id.0))
        .filter(api_keys::user_id.eq(user.0))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(cause.at)));
    let prefix: Option<String> =
        delete(live).returning(api_keys::prefix).get_result(connection).await.optional().map_err(fault)?;
    let Some(prefix) = prefix else { return Ok(None) };
    let prefix = read("api_keys", "prefix", id, prefix.parse())?;
    audit::write(connection, &cause.api_key_revoked(user, id, prefix)).await?;
    Ok(Some(prefix))
}

pub(super) async fn used(connection: &mut AsyncPgConnection, id: ApiKeyId, at: Timestamp) -> Result<(), Fault> {
    let before = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(at));
    update(api_keys::table.filter(api_keys::id.eq(id.0)).filter(before))
        .set(api_keys::last_used_at.eq(at))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// Expires all keys of an erased user, and erases their names.
pub(crate) async fn erase(connection: &mut AsyncPgConnection, user: UserId, now: Timestamp) -> Result<(), Fault> {
    update(api_keys::table.filter(api_keys::user_id.eq(user.0)))
        .set((api_keys::name.eq(""), api_keys::expires_at.eq(now)))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}
