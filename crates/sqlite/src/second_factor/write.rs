//! Changes of second factors, each in the writer's transaction.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, delete, dsl::exists, insert_into,
    select, update,
};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    second_factor::{Confirmation, RecoveryHash, SealedSecret, TimeStep},
};

use crate::{
    audit,
    auth::sessions,
    error::fault,
    owner::must_exist,
    schema::{recovery_codes, second_factors},
    value::Id,
};

pub(super) fn begin(
    connection: &mut SqliteConnection,
    user: UserId,
    secret: &SealedSecret,
    now: Timestamp,
) -> Result<bool, Fault> {
    must_exist(connection, Id(user.0), "a second factor")?;
    let known: Option<Option<i64>> = second_factors::table
        .filter(second_factors::user_id.eq(Id(user.0)))
        .select(second_factors::confirmed_at)
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    if let Some(Some(_)) = known {
        return Ok(false);
    }
    erase(connection, user)?;
    insert_into(second_factors::table)
        .values((
            second_factors::user_id.eq(Id(user.0)),
            second_factors::secret.eq(&secret.0),
            second_factors::created_at.eq(now.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(true)
}

pub(super) fn confirm(
    connection: &mut SqliteConnection,
    user: UserId,
    confirmation: &Confirmation,
    cause: &Cause,
) -> Result<Option<Vec<SessionId>>, Fault> {
    let pending = second_factors::table
        .filter(second_factors::user_id.eq(Id(user.0)))
        .filter(second_factors::secret.eq(&confirmation.secret.0))
        .filter(second_factors::confirmed_at.is_null());
    let confirmed = update(pending)
        .set((
            second_factors::confirmed_at.eq(cause.at.timestamp_millis()),
            second_factors::last_step.eq(confirmation.step.0),
        ))
        .execute(connection)
        .map_err(fault)?;
    if confirmed == 0 {
        return Ok(None);
    }
    keep_codes(connection, user, &confirmation.recovery)?;
    let ended = sessions::end_all(connection, user, Some(confirmation.keep), cause.at)?;
    audit::write(connection, &cause.second_factor_enabled(user, &ended))?;
    Ok(Some(ended))
}

fn keep_codes(connection: &mut SqliteConnection, user: UserId, codes: &[RecoveryHash]) -> Result<(), Fault> {
    delete(recovery_codes::table.filter(recovery_codes::user_id.eq(Id(user.0)))).execute(connection).map_err(fault)?;
    for code in codes {
        insert_into(recovery_codes::table)
            .values((recovery_codes::user_id.eq(Id(user.0)), recovery_codes::hash.eq(code.0.as_slice())))
            .execute(connection)
            .map_err(fault)?;
    }
    Ok(())
}

pub(super) fn take_step(connection: &mut SqliteConnection, user: UserId, step: TimeStep) -> Result<bool, Fault> {
    let earlier = second_factors::table
        .filter(second_factors::user_id.eq(Id(user.0)))
        .filter(second_factors::last_step.lt(step.0));
    let taken = update(earlier).set(second_factors::last_step.eq(step.0)).execute(connection).map_err(fault)?;
    Ok(taken > 0)
}

pub(super) fn take_recovery_code(
    connection: &mut SqliteConnection,
    user: UserId,
    code: RecoveryHash,
    cause: &Cause,
) -> Result<bool, Fault> {
    let left = recovery_codes::table
        .filter(recovery_codes::user_id.eq(Id(user.0)))
        .filter(recovery_codes::hash.eq(code.0.as_slice()));
    let taken = delete(left).execute(connection).map_err(fault)? > 0;
    if taken {
        audit::write(connection, &cause.recovery_code_used(user))?;
    }
    Ok(taken)
}

pub(super) fn renew(
    connection: &mut SqliteConnection,
    user: UserId,
    codes: &[RecoveryHash],
    cause: &Cause,
) -> Result<bool, Fault> {
    let in_force = second_factors::table
        .filter(second_factors::user_id.eq(Id(user.0)))
        .filter(second_factors::confirmed_at.is_not_null());
    let found: bool = select(exists(in_force)).get_result(connection).map_err(fault)?;
    if found {
        keep_codes(connection, user, codes)?;
        audit::write(connection, &cause.recovery_codes_renewed(user))?;
    }
    Ok(found)
}

/// Removes the second factor of a user.
pub(super) fn remove(connection: &mut SqliteConnection, user: UserId, cause: &Cause) -> Result<bool, Fault> {
    let in_force = second_factors::table
        .filter(second_factors::user_id.eq(Id(user.0)))
        .filter(second_factors::confirmed_at.is_not_null());
    let in_force: bool = select(exists(in_force)).get_result(connection).map_err(fault)?;
    if in_force {
        audit::write(connection, &cause.second_factor_removed(user))?;
    }
    erase(connection, user)
}

/// Removes it without an audit entry, as when the user is erased; false if there is none.
pub(crate) fn erase(connection: &mut SqliteConnection, user: UserId) -> Result<bool, Fault> {
    delete(recovery_codes::table.filter(recovery_codes::user_id.eq(Id(user.0)))).execute(connection).map_err(fault)?;
    let factor = second_factors::table.filter(second_factors::user_id.eq(Id(user.0)));
    Ok(delete(factor).execute(connection).map_err(fault)? > 0)
}
