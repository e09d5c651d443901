//! Rotation of refresh tokens.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Timestamp, UserId,
    auth::{RotateError, Rotated, Rotation},
};

use super::{row::SessionRow, sessions};
use crate::{audit, error::fault, schema::sessions as table};

/// The inner result is that of the call; the outer one decides whether the transaction is committed.
pub(super) async fn rotate(
    connection: &mut AsyncPgConnection,
    rotation: &Rotation,
) -> Result<Result<Rotated, RotateError>, RotateError> {
    // Locked, so that the second of two concurrent rotations sees the result of the first.
    let found: Option<SessionRow> = table::table
        .filter(table::id.eq(rotation.session.0))
        .filter(table::ended_at.is_null())
        .filter(table::expires_at.gt(rotation.cause.at))
        .select(SessionRow::as_select())
        .for_no_key_update()
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    let Some(session) = found else {
        return Ok(Err(RotateError::Ended));
    };
    let user = UserId(session.user_id);
    let presented = rotation.presented.0.as_slice();
    if session.refresh_hash == presented {
        replace(connection, rotation).await?;
        return Ok(Ok(Rotated { user, refresh: rotation.next.clone() }));
    }
    if session.previous_hash.as_deref() == Some(presented) && within_grace(&session, rotation) {
        return Ok(Ok(Rotated { user, refresh: session.refresh()? }));
    }
    sessions::end(connection, user, rotation.session, rotation.cause.at).await?;
    audit::write(connection, &rotation.cause.refresh_token_reused(user, rotation.session)).await?;
    Ok(Err(RotateError::Reused))
}

fn within_grace(session: &SessionRow, rotation: &Rotation) -> bool {
    let since = |rotated_at: Timestamp| (rotation.cause.at - rotated_at).to_std().unwrap_or_default();
    !rotation.grace.is_zero() && session.rotated_at.is_some_and(|rotated_at| since(rotated_at) <= rotation.grace)
}

async fn replace(connection: &mut AsyncPgConnection, rotation: &Rotation) -> Result<(), Fault> {
    update(table::table.filter(table::id.eq(rotation.session.0)))
        .set((
            table::refresh_hash.eq(rotation.next.hash.0.as_slice()),
            table::refresh_id.eq(rotation.next.id),
            table::refresh_issued_at.eq(rotation.next.issued_at),
            table::expires_at.eq(rotation.next.expires_at),
            table::previous_hash.eq(rotation.presented.0.as_slice()),
            table::rotated_at.eq(rotation.cause.at),
            table::last_used_at.eq(rotation.cause.at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    Ok(())
}
