//! Changes of second factors, each in a transaction.

use diesel::{
    ExpressionMethods, QueryDsl, delete, insert_into, query_dsl::methods::FilterDsl, update, upsert::excluded,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    second_factor::{Confirmation, RecoveryHash, SealedSecret, TimeStep},
};
use uuid::Uuid;

use crate::{
    audit,
    auth::sessions,
    error::fault,
    owner::{lock, must_exist},
    schema::{recovery_codes, second_factors},
};

pub(super) async fn begin(
    connection: &mut AsyncPgConnection,
    user: UserId,
    secret: &SealedSecret,
    now: Timestamp,
) -> Result<bool, Fault> {
    must_exist(connection, user.0, "a second factor").await?;
    let begun = insert_into(second_factors::table)
        .values((
            second_factors::user_id.eq(user.0),
            second_factors::secret.eq(&secret.0),
            second_factors::created_at.eq(now),
        ))
        .on_conflict(second_factors::user_id)
        .do_update()
        .set((
            second_factors::secret.eq(excluded(second_factors::secret)),
            second_factors::created_at.eq(excluded(second_factors::created_at)),
        ));
    let begun = FilterDsl::filter(begun, second_factors::confirmed_at.is_null());
    Ok(begun.execute(connection).await.map_err(fault)? > 0)
}

pub(super) async fn confirm(
    connection: &mut AsyncPgConnection,
    user: UserId,
    confirmation: &Confirmation,
    cause: &Cause,
) -> Result<Option<Vec<SessionId>>, Fault> {
    lock(connection, user).await?;
    let pending = QueryDsl::filter(second_factors::table, second_factors::user_id.eq(user.0));
    let pending = QueryDsl::filter(pending, second_factors::secret.eq(&confirmation.secret.0));
    let pending = QueryDsl::filter(pending, second_factors::confirmed_at.is_null());
    let confirmed = update(pending)
        .set((second_factors::confirmed_at.eq(cause.at), second_factors::last_step.eq(confirmation.step.0)))
        .execute(connection)
        .await
        .map_err(fault)?;
    if confirmed == 0 {
        return Ok(None);
    }
    keep_codes(connection, user, &confirmation.recovery).await?;
    let ended = sessions::end_all(connection, user, Some(confirmation.keep), cause.at).await?;
    audit::write(connection, &cause.second_factor_enabled(user, &ended)).await?;
    Ok(Some(ended))
}

async fn keep_codes(connection: &mut AsyncPgConnection, user: UserId, codes: &[RecoveryHash]) -> Result<(), Fault> {
    forget_codes(connection, user).await?;
    let rows: Vec<_> = codes
        .iter()
        .map(|code| (recovery_codes::user_id.eq(user.0), recovery_codes::hash.eq(code.0.as_slice())))
        .collect();
    insert_into(recovery_codes::table).values(rows).execute(connection).await.map_err(fault)?;
    Ok(())
}

async fn forget_codes(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    let codes = QueryDsl::filter(recovery_codes::table, recovery_codes::user_id.eq(user.0));
    delete(codes).execute(connection).await.map_err(fault)?;
    Ok(())
}

pub(super) async fn take_step(connection: &mut AsyncPgConnection, user: UserId, step: TimeStep) -> Result<bool, Fault> {
    // The second of two concurrent calls waits for the first, and then finds its step used.
    let earlier = QueryDsl::filter(second_factors::table, second_factors::user_id.eq(user.0));
    let earlier = QueryDsl::filter(earlier, second_factors::last_step.lt(step.0));
    let taken = update(earlier).set(second_factors::last_step.eq(step.0)).execute(connection).await.map_err(fault)?;
    Ok(taken > 0)
}

pub(super) async fn take_recovery_code(
    connection: &mut AsyncPgConnection,
    user: UserId,
    code: RecoveryHash,
    cause: &Cause,
) -> Result<bool, Fault> {
    let left = QueryDsl::filter(recovery_codes::table, recovery_codes::user_id.eq(user.0));
    let left = QueryDsl::filter(left, recovery_codes::hash.eq(code.0.as_slice()));
    let taken = delete(left).execute(connection).await.map_err(fault)? > 0;
    if taken {
        audit::write(connection, &cause.recovery_code_used(user)).await?;
    }
    Ok(taken)
}

pub(super) async fn renew(
    connection: &mut AsyncPgConnection,
    user: UserId,
    codes: &[RecoveryHash],
    cause: &Cause,
) -> Result<bool, Fault> {
    // Locked, so that the second of two concurrent calls replaces all codes of the first.
    let in_force = QueryDsl::filter(second_factors::table, second_factors::user_id.eq(user.0));
    let in_force: Vec<Uuid> = QueryDsl::filter(in_force, second_factors::confirmed_at.is_not_null())
        .select(second_factors::user_id)
        .for_no_key_update()
        .load(connection)
        .await
        .map_err(fault)?;
    if in_force.is_empty() {
        return Ok(false);
    }
    keep_codes(connection, user, codes).await?;
    audit::write(connection, &cause.recovery_codes_renewed(user)).await?;
    Ok(true)
}

/// Removes the second factor of a user.
pub(super) async fn remove(connection: &mut AsyncPgConnection, user: UserId, cause: &Cause) -> Result<bool, Fault> {
    let removed = take_out(connection, user).await?;
    if removed == Some(true) {
        audit::write(connection, &cause.second_factor_removed(user)).await?;
    }
    Ok(removed.is_some())
}

/// Removes it without an audit entry, as when the user is erased.
pub(crate) async fn erase(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    take_out(connection, user).await.map(drop)
}

/// Returns whether the removed factor was enabled; `None` if there was none.
async fn take_out(connection: &mut AsyncPgConnection, user: UserId) -> Result<Option<bool>, Fault> {
    // Locked first, so that no codes are added after the deletion.
    let factor = QueryDsl::filter(second_factors::table, second_factors::user_id.eq(user.0));
    let locked: Vec<Option<Timestamp>> =
        factor.select(second_factors::confirmed_at).for_update().load(connection).await.map_err(fault)?;
    let [confirmed_at] = locked.as_slice() else { return Ok(None) };
    forget_codes(connection, user).await?;
    delete(factor).execute(connection).await.map_err(fault)?;
    Ok(Some(confirmed_at.is_some()))
}
