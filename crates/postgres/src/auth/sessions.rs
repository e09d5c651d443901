//! Changes of sessions, each in a transaction.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, insert_into, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    auth::{NewSession, OpenError},
};
use uuid::Uuid;

use super::{devices, row::SessionRow};
use crate::{
    audit,
    error::fault,
    job,
    schema::{second_factors, sessions, users},
    sweep::sweep,
};

/// The number of expired sessions that each insert deletes: more than one, so that all are deleted in the end.
const MAX_SWEPT_SESSIONS: i64 = 4;

pub(super) async fn open(connection: &mut AsyncPgConnection, new: &NewSession) -> Result<(), OpenError> {
    if !credentials_are_valid(connection, new).await? {
        return Err(OpenError::Outdated);
    }
    let row = SessionRow::from(new);
    sweep(connection, "sessions", row.created_at, MAX_SWEPT_SESSIONS).await?;
    insert_into(sessions::table).values(&row).execute(connection).await.map_err(fault)?;
    if devices::remember(connection, new).await? {
        job::enqueue(connection, new.new_device_mail.as_slice()).await?;
    }
    Ok(audit::write(connection, &new.cause.session_started(new)).await?)
}

/// Returns whether the checked credentials are still valid. Locks the user, as every change of credentials does, so
/// that they stay valid until the session is inserted.
async fn credentials_are_valid(connection: &mut AsyncPgConnection, new: &NewSession) -> Result<bool, Fault> {
    let password: Option<Option<String>> = users::table
        .filter(users::id.eq(new.user.0))
        .filter(users::erased_at.is_null())
        .select(users::password)
        .for_share()
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    let in_force: Option<Vec<u8>> = second_factors::table
        .filter(second_factors::user_id.eq(new.user.0))
        .filter(second_factors::confirmed_at.is_not_null())
        .select(second_factors::secret)
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    Ok(new.checked.still_holds(password.flatten().as_deref(), in_force.as_deref()))
}

/// Ends a session of a user at their request.
pub(super) async fn log_out(
    connection: &mut AsyncPgConnection,
    user: UserId,
    id: SessionId,
    cause: &Cause,
) -> Result<bool, Fault> {
    let ended = end(connection, user, id, cause.at).await?;
    if ended {
        audit::write(connection, &cause.session_ended(user, id)).await?;
    }
    Ok(ended)
}

/// Ends all sessions of a user at their request.
pub(super) async fn log_out_all(
    connection: &mut AsyncPgConnection,
    user: UserId,
    cause: &Cause,
) -> Result<Vec<SessionId>, Fault> {
    let ended = end_all(connection, user, None, cause.at).await?;
    if !ended.is_empty() {
        audit::write(connection, &cause.all_sessions_ended(user, &ended)).await?;
    }
    Ok(ended)
}

pub(super) async fn end(
    connection: &mut AsyncPgConnection,
    user: UserId,
    id: SessionId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let live = sessions::table
        .filter(sessions::id.eq(id.0))
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    let ended = update(live).set(sessions::ended_at.eq(now)).execute(connection).await.map_err(fault)?;
    Ok(ended > 0)
}

/// The live sessions of a user.
pub(crate) async fn live(
    connection: &mut AsyncPgConnection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SessionId>, Fault> {
    let ids: Vec<Uuid> = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now))
        .select(sessions::id)
        .load(connection)
        .await
        .map_err(fault)?;
    Ok(ids.into_iter().map(SessionId).collect())
}

/// Ends the live sessions of a user except one, and returns the ended ones.
pub(crate) async fn end_all(
    connection: &mut AsyncPgConnection,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, Fault> {
    let kept = keep.map_or(Uuid::nil(), |id| id.0);
    let live = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::id.ne(kept))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    let ended: Vec<Uuid> = update(live)
        .set(sessions::ended_at.eq(now))
        .returning(sessions::id)
        .get_results(connection)
        .await
        .map_err(fault)?;
    Ok(ended.into_iter().map(SessionId).collect())
}

/// Erases the devices of a user's sessions.
pub(crate) async fn forget_devices(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    update(sessions::table.filter(sessions::user_id.eq(user.0)))
        .set((sessions::user_agent.eq(None::<String>), sessions::address.eq(None::<String>)))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}
