//! Changes of sessions, each in the writer's transaction.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection, connection::DefaultLoadingMode,
    delete, insert_into, update,
};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    auth::{NewSession, OpenError},
};

use super::{devices, row::SessionRow};
use crate::{
    audit,
    error::fault,
    job,
    schema::{second_factors, sessions, users},
    value::Id,
};

/// The number of expired sessions that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_SESSIONS: usize = 4;

pub(super) fn open(connection: &mut SqliteConnection, new: &NewSession) -> Result<(), OpenError> {
    if !credentials_are_valid(connection, new)? {
        return Err(OpenError::Outdated);
    }
    let row = SessionRow::from(new);
    let expired: Vec<Id> = sessions::table
        .filter(sessions::expires_at.le(row.created_at))
        .select(sessions::id)
        .load_iter::<Id, DefaultLoadingMode>(connection)
        .and_then(|ids| ids.take(MAX_SWEPT_SESSIONS).collect())
        .map_err(fault)?;
    for id in expired {
        delete(sessions::table.filter(sessions::id.eq(id))).execute(connection).map_err(fault)?;
    }
    insert_into(sessions::table).values(&row).execute(connection).map_err(fault)?;
    if devices::remember(connection, new)? {
        job::enqueue(connection, new.new_device_mail.as_slice())?;
    }
    Ok(audit::write(connection, &new.cause.session_started(new))?)
}

/// Returns whether the checked credentials are still valid.
fn credentials_are_valid(connection: &mut SqliteConnection, new: &NewSession) -> Result<bool, Fault> {
    let password: Option<Option<String>> = users::table
        .filter(users::id.eq(Id(new.user.0)))
        .filter(users::erased_at.is_null())
        .select(users::password)
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    let in_force: Option<Vec<u8>> = second_factors::table
        .filter(second_factors::user_id.eq(Id(new.user.0)))
        .filter(second_factors::confirmed_at.is_not_null())
        .select(second_factors::secret)
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    Ok(new.checked.still_holds(password.flatten().as_deref(), in_force.as_deref()))
}

/// Ends a session of a user at their request.
pub(super) fn log_out(
    connection: &mut SqliteConnection,
    user: UserId,
    id: SessionId,
    cause: &Cause,
) -> Result<bool, Fault> {
    let ended = end(connection, user, id, cause.at)?;
    if ended {
        audit::write(connection, &cause.session_ended(user, id))?;
    }
    Ok(ended)
}

/// Ends all sessions of a user at their request.
pub(super) fn log_out_all(
    connection: &mut SqliteConnection,
    user: UserId,
    cause: &Cause,
) -> Result<Vec<SessionId>, Fault> {
    let ended = end_all(connection, user, None, cause.at)?;
    if !ended.is_empty() {
        audit::write(connection, &cause.all_sessions_ended(user, &ended))?;
    }
    Ok(ended)
}

pub(super) fn end(
    connection: &mut SqliteConnection,
    user: UserId,
    id: SessionId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let live = sessions::table
        .filter(sessions::id.eq(Id(id.0)))
        .filter(sessions::user_id.eq(Id(user.0)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.timestamp_millis()));
    let ended = update(live).set(sessions::ended_at.eq(now.timestamp_millis())).execute(connection).map_err(fault)?;
    Ok(ended > 0)
}

/// The live sessions of a user.
pub(crate) fn live(connection: &mut SqliteConnection, user: UserId, now: Timestamp) -> Result<Vec<SessionId>, Fault> {
    let ids: Vec<Id> = sessions::table
        .filter(sessions::user_id.eq(Id(user.0)))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.timestamp_millis()))
        .select(sessions::id)
        .load(connection)
        .map_err(fault)?;
    Ok(ids.into_iter().map(|id| SessionId(id.0)).collect())
}

/// Ends the live sessions of a user except one, and returns the ended ones.
pub(crate) fn end_all(
    connection: &mut SqliteConnection,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, Fault> {
    let mut ended = live(connection, user, now)?;
    ended.retain(|id| keep != Some(*id));
    for id in &ended {
        end(connection, user, *id, now)?;
    }
    Ok(ended)
}

/// Erases the devices of a user's sessions.
pub(crate) fn forget_devices(connection: &mut SqliteConnection, user: UserId) -> Result<(), Fault> {
    update(sessions::table.filter(sessions::user_id.eq(Id(user.0))))
        .set((sessions::user_agent.eq(None::<String>), sessions::address.eq(None::<String>)))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}
