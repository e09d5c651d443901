//! The rows of account tokens, in a transaction. Whoever writes them has locked their user.

use diesel::{ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, delete, insert_into, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Timestamp, UserId,
    account_token::{AccountToken, MAX_TOKENS_IN_WINDOW, TOKEN_WINDOW, TokenMail, TokenPurpose},
    auth::TokenHash,
};
use uuid::Uuid;

use crate::{
    error::fault,
    job,
    schema::{account_tokens, users},
    sweep::sweep,
};

/// The number of expired tokens that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_TOKENS: i64 = 4;

/// Inserts a token and queues its mail, unless the user was sent too many.
pub(crate) async fn issue(connection: &mut AsyncPgConnection, mail: &TokenMail) -> Result<bool, Fault> {
    let token = &mail.token;
    let since = token.created_at - TOKEN_WINDOW;
    let sent: i64 = account_tokens::table
        .filter(account_tokens::user_id.eq(token.user.0))
        .filter(account_tokens::purpose.eq(token.purpose.as_str()))
        .filter(account_tokens::created_at.gt(since))
        .count()
        .get_result(connection)
        .await
        .map_err(fault)?;
    if sent >= i64::from(MAX_TOKENS_IN_WINDOW) {
        return Ok(false);
    }
    sweep(connection, "account_tokens", since, MAX_SWEPT_TOKENS).await?;
    insert(connection, token).await?;
    job::enqueue(connection, std::slice::from_ref(&mail.job)).await?;
    Ok(true)
}

async fn insert(connection: &mut AsyncPgConnection, token: &AccountToken) -> Result<(), Fault> {
    insert_into(account_tokens::table)
        .values((
            account_tokens::hash.eq(token.hash.0.as_slice()),
            account_tokens::user_id.eq(token.user.0),
            account_tokens::purpose.eq(token.purpose.as_str()),
            account_tokens::email.eq(token.email.as_str()),
            account_tokens::created_at.eq(token.created_at),
            account_tokens::expires_at.eq(token.expires_at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}

/// The user of a live token.
pub(crate) async fn owner(
    connection: &mut AsyncPgConnection,
    token: &TokenHash,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Option<UserId>, Fault> {
    let owner: Option<Uuid> = account_tokens::table
        .inner_join(users::table)
        .filter(account_tokens::hash.eq(token.0.as_slice()))
        .filter(account_tokens::purpose.eq(purpose.as_str()))
        .filter(account_tokens::expires_at.gt(now))
        .filter(users::email.eq(account_tokens::email.nullable()))
        .filter(users::erased_at.is_null())
        .select(users::id)
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    Ok(owner.map(UserId))
}

/// Uses a token that [`owner`] has found since its user was locked.
pub(crate) async fn take(connection: &mut AsyncPgConnection, token: &TokenHash, now: Timestamp) -> Result<(), Fault> {
    let of_hash = account_tokens::table.filter(account_tokens::hash.eq(token.0.as_slice()));
    update(of_hash).set(account_tokens::expires_at.eq(now)).execute(connection).await.map_err(fault)?;
    Ok(())
}

/// Ends the live tokens of a user for these purposes.
pub(crate) async fn end(
    connection: &mut AsyncPgConnection,
    user: UserId,
    purposes: &[TokenPurpose],
    now: Timestamp,
) -> Result<(), Fault> {
    let live = account_tokens::table
        .filter(account_tokens::user_id.eq(user.0))
        .filter(account_tokens::purpose.eq_any(purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>()))
        .filter(account_tokens::expires_at.gt(now));
    update(live).set(account_tokens::expires_at.eq(now)).execute(connection).await.map_err(fault)?;
    Ok(())
}

/// Deletes the tokens of a user.
pub(crate) async fn erase(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    let of_user = account_tokens::table.filter(account_tokens::user_id.eq(user.0));
    delete(of_user).execute(connection).await.map_err(fault)?;
    Ok(())
}
