//! Changes of API keys, each in the writer's transaction.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, delete,
    dsl::count_star, insert_into, update,
};
use entrepot_domain::{
    ApiKeyId, Fault, Timestamp, UserId,
    api_key::{ApiKeyError, KeyPrefix, NewApiKey},
    audit::Cause,
};

use super::row::ApiKeyRow;
use crate::{
    audit,
    error::{SQLITE, fault, is_duplicate},
    owner::must_exist,
    schema::api_keys,
    value::{Id, read},
};

/// The number of old expired keys that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_KEYS: i64 = 4;

/// How long an expired key is kept, in milliseconds.
const EXPIRED_KEY_RETENTION: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn insert(
    connection: &mut SqliteConnection,
    new: &NewApiKey,
    max_live: u32,
    cause: &Cause,
) -> Result<(), ApiKeyError> {
    let row = ApiKeyRow::from(new);
    sweep(connection, row.created_at)?;
    must_exist(connection, row.user_id, "a key")?;
    let live: i64 = api_keys::table
        .filter(api_keys::user_id.eq(row.user_id))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(row.created_at)))
        .select(count_star())
        .get_result(connection)
        .map_err(fault)?;
    if live >= i64::from(max_live) {
        return Err(ApiKeyError::TooMany);
    }
    let inserted = insert_into(api_keys::table).values(&row).execute(connection);
    inserted.map_err(|error| if is_duplicate(&error) { Fault::unavailable(SQLITE, error) } else { fault(error) })?;
    Ok(audit::write(connection, &cause.api_key_created(&new.key))?)
}

fn sweep(connection: &mut SqliteConnection, now: i64) -> Result<(), Fault> {
    let expired: Vec<Id> = api_keys::table
        .filter(api_keys::expires_at.le(now.saturating_sub(EXPIRED_KEY_RETENTION)))
        .select(api_keys::id)
        .limit(MAX_SWEPT_KEYS)
        .load(connection)
        .map_err(fault)?;
    if !expired.is_empty() {
        delete(api_keys::table.filter(api_keys::id.eq_any(expired))).execute(connection).map_err(fault)?;
    }
    Ok(())
}

pub(super) fn revoke(
    connection: &mut SqliteConnection,
    user: UserId,
    id: ApiKeyId,
    cause: &Cause,
) -> Result<Option<KeyPrefix>, Fault> {
    let live = api_keys::table
        .filter(api_keys::id.eq(Id(id.0)))
        .filter(api_keys::user_id.eq(Id(user.0)))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(cause.at.timestamp_millis())));
    let prefix: Option<String> = live.select(api_keys::prefix).get_result(connection).optional().map_err(fault)?;
    let Some(prefix) = prefix else { return Ok(None) };
    let prefix = read("api_keys", "prefix", id, prefix.parse())?;
    delete(api_keys::table.filter(api_keys::id.eq(Id(id.0)))).execute(connection).map_err(fault)?;
    audit::write(connection, &cause.api_key_revoked(user, id, prefix))?;
    Ok(Some(prefix))
}

pub(super) fn used(connection: &mut SqliteConnection, id: ApiKeyId, at: Timestamp) -> Result<(), Fault> {
    let at = at.timestamp_millis();
    let before = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(at));
    update(api_keys::table.filter(api_keys::id.eq(Id(id.0))).filter(before))
        .set(api_keys::last_used_at.eq(at))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

/// Expires all keys of an erased user, and erases their names.
pub(crate) fn erase(connection: &mut SqliteConnection, user: UserId, now: Timestamp) -> Result<(), Fault> {
    update(api_keys::table.filter(api_keys::user_id.eq(Id(user.0))))
        .set((api_keys::name.eq(""), api_keys::expires_at.eq(now.timestamp_millis())))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}
