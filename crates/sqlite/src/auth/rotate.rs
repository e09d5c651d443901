//! Rotation of refresh tokens.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection, update};
use entrepot_domain::{
    Fault, UserId,
    auth::{RotateError, Rotated, Rotation},
};

use super::{row::SessionRow, sessions};
use crate::{audit, error::fault, schema::sessions as table, value::Id};

/// The inner result is that of the call; the outer one decides whether the transaction is committed.
pub(super) fn rotate(
    connection: &mut SqliteConnection,
    rotation: &Rotation,
) -> Result<Result<Rotated, RotateError>, Fault> {
    let found: Option<SessionRow> = table::table
        .filter(table::id.eq(Id(rotation.session.0)))
        .filter(table::ended_at.is_null())
        .filter(table::expires_at.gt(rotation.cause.at.timestamp_millis()))
        .select(SessionRow::as_select())
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    let Some(session) = found else {
        return Ok(Err(RotateError::Ended));
    };
    let user = UserId(session.user_id.0);
    let presented = rotation.presented.0.as_slice();
    if session.refresh_hash == presented {
        replace(connection, rotation)?;
        return Ok(Ok(Rotated { user, refresh: rotation.next.clone() }));
    }
    if session.previous_hash.as_deref() == Some(presented) && within_grace(&session, rotation) {
        return Ok(Ok(Rotated { user, refresh: session.refresh()? }));
    }
    sessions::end(connection, user, rotation.session, rotation.cause.at)?;
    audit::write(connection, &rotation.cause.refresh_token_reused(user, rotation.session))?;
    Ok(Err(RotateError::Reused))
}

fn within_grace(session: &SessionRow, rotation: &Rotation) -> bool {
    let grace = i64::try_from(rotation.grace.as_millis()).unwrap_or(i64::MAX);
    let since = |rotated_at: i64| rotation.cause.at.timestamp_millis().saturating_sub(rotated_at);
    grace > 0 && session.rotated_at.is_some_and(|rotated_at| since(rotated_at) <= grace)
}

fn replace(connection: &mut SqliteConnection, rotation: &Rotation) -> Result<(), Fault> {
    let now = rotation.cause.at.timestamp_millis();
    update(table::table.filter(table::id.eq(Id(rotation.session.0))))
        .set((
            table::refresh_hash.eq(rotation.next.hash.0.as_slice()),
            table::refresh_id.eq(Id(rotation.next.id)),
            table::refresh_issued_at.eq(rotation.next.issued_at.timestamp_millis()),
            table::expires_at.eq(rotation.next.expires_at.timestamp_millis()),
            table::previous_hash.eq(rotation.presented.0.as_slice()),
            table::rotated_at.eq(now),
            table::last_used_at.eq(now),
        ))
        .execute(connection)
        .map_err(fault)?;
    Ok(())
}
