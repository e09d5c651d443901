//! The rows of account tokens, in the writer's transaction.

use diesel::{
    ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection,
    connection::DefaultLoadingMode, delete, insert_into, update,
};
use entrepot_domain::{
    Fault, Timestamp, UserId,
    account_token::{AccountToken, MAX_TOKENS_IN_WINDOW, TOKEN_WINDOW, TokenMail, TokenPurpose},
    auth::TokenHash,
};

use crate::{
    error::fault,
    job,
    schema::{account_tokens, users},
    value::Id,
};

/// The number of expired tokens that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_TOKENS: usize = 4;

/// Inserts a token and queues its mail, unless the user was sent too many.
pub(crate) fn issue(connection: &mut SqliteConnection, mail: &TokenMail) -> Result<bool, Fault> {
    let token = &mail.token;
    let since = window_start(token.created_at);
    let sent: i64 = account_tokens::table
        .filter(account_tokens::user_id.eq(Id(token.user.0)))
        .filter(account_tokens::purpose.eq(token.purpose.as_str()))
        .filter(account_tokens::created_at.gt(since))
        .count()
        .get_result(connection)
        .map_err(fault)?;
    if sent >= i64::from(MAX_TOKENS_IN_WINDOW) {
        return Ok(false);
    }
    sweep(connection, since)?;
    insert(connection, token)?;
    job::enqueue(connection, std::slice::from_ref(&mail.job))?;
    Ok(true)
}

/// What was made before is counted no more.
fn window_start(now: Timestamp) -> i64 {
    let window = i64::try_from(TOKEN_WINDOW.as_millis()).unwrap_or(i64::MAX);
    now.timestamp_millis().saturating_sub(window)
}

fn sweep(connection: &mut SqliteConnection, since: i64) -> Result<(), Fault> {
    let expired: Vec<Vec<u8>> = account_tokens::table
        .filter(account_tokens::expires_at.le(since))
        .select(account_tokens::hash)
        .load_iter::<Vec<u8>, DefaultLoadingMode>(connection)
        .and_then(|hashes| hashes.take(MAX_SWEPT_TOKENS).collect())
        .map_err(fault)?;
    for hash in expired {
        delete(account_tokens::table.filter(account_tokens::hash.eq(hash))).execute(connection).map_err(fault)?;
    }
    Ok(())
}

fn insert(connection: &mut SqliteConnection, token: &AccountToken) -> Result<(), Fault> {
    insert_into(account_tokens::table)
        .values((
            account_tokens::hash.eq(token.hash.0.as_slice()),
            account_tokens::user_id.eq(Id(token.user.0)),
            account_tokens::purpose.eq(token.purpose.as_str()),
            account_tokens::email.eq(token.email.as_str()),
            account_tokens::created_at.eq(token.created_at.timestamp_millis()),
            account_tokens::expires_at.eq(token.expires_at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

/// The user of a live token.
pub(crate) fn owner(
    connection: &mut SqliteConnection,
    token: &TokenHash,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Option<UserId>, Fault> {
    let owner: Option<Id> = account_tokens::table
        .inner_join(users::table)
        .filter(account_tokens::hash.eq(token.0.as_slice()))
        .filter(account_tokens::purpose.eq(purpose.as_str()))
        .filter(account_tokens::expires_at.gt(now.timestamp_millis()))
        .filter(users::email.eq(account_tokens::email.nullable()))
        .filter(users::erased_at.is_null())
        .select(users::id)
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    Ok(owner.map(|id| UserId(id.0)))
}

/// Uses a token that [`owner`] has found in this transaction.
pub(crate) fn take(connection: &mut SqliteConnection, token: &TokenHash, now: Timestamp) -> Result<(), Fault> {
    update(account_tokens::table.filter(account_tokens::hash.eq(token.0.as_slice())))
        .set(account_tokens::expires_at.eq(now.timestamp_millis()))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}

/// Ends the live tokens of a user for these purposes.
pub(crate) fn end(
    connection: &mut SqliteConnection,
    user: UserId,
    purposes: &[TokenPurpose],
    now: Timestamp,
) -> Result<(), Fault> {
    let live = account_tokens::table
        .filter(account_tokens::user_id.eq(Id(user.0)))
        .filter(account_tokens::purpose.eq_any(purposes.iter().map(|purpose| purpose.as_str())))
        .filter(account_tokens::expires_at.gt(now.timestamp_millis()));
    update(live).set(account_tokens::expires_at.eq(now.timestamp_millis())).execute(connection).map_err(fault)?;
    Ok(())
}

/// Deletes the tokens of a user.
pub(crate) fn erase(connection: &mut SqliteConnection, user: UserId) -> Result<(), Fault> {
    delete(account_tokens::table.filter(account_tokens::user_id.eq(Id(user.0)))).execute(connection).map_err(fault)?;
    Ok(())
}
