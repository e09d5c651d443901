//! Sessions.

pub(crate) mod devices;
mod rotate;
mod row;
pub(crate) mod sessions;
mod ticket;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    auth::{Access, NewSession, OpenError, RotateError, Rotated, Rotation, Session, SessionRepository},
};
use row::SessionRow;

use crate::{
    SqliteStore,
    error::fault,
    schema::{sessions as table, users},
    value::{Id, roles},
};

#[async_trait]
impl SessionRepository for SqliteStore {
    async fn open(&self, new: &NewSession) -> Result<(), OpenError> {
        let new = new.clone();
        self.write(move |connection| sessions::open(connection, &new)).await?;
        self.queued_jobs().notify_one();
        Ok(())
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError> {
        let rotation = rotation.clone();
        // A reused token ends its session, which has to be committed although the call is refused: so the refusal is an
        // `Ok` value here.
        self.write(move |connection| rotate::rotate(connection, &rotation)).await?
    }

    async fn access(&self, id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault> {
        let found: Option<(Id, i64)> = self
            .read(move |connection| {
                table::table
                    .inner_join(users::table)
                    .filter(table::id.eq(Id(id.0)))
                    .filter(table::ended_at.is_null())
                    .filter(table::expires_at.gt(now.timestamp_millis()))
                    .filter(users::erased_at.is_null())
                    .select((users::id, users::roles))
                    .get_result(connection)
                    .optional()
                    .map_err(fault)
            })
            .await?;
        found.map(|(user, sum)| Ok(Access { user: UserId(user.0), roles: roles(user.0, sum)? })).transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault> {
        let rows: Vec<SessionRow> = self
            .read(move |connection| {
                table::table
                    .filter(table::user_id.eq(Id(user.0)))
                    .filter(table::ended_at.is_null())
                    .filter(table::expires_at.gt(now.timestamp_millis()))
                    .order((table::last_used_at.desc(), table::id.desc()))
                    .select(SessionRow::as_select())
                    .load(connection)
                    .map_err(fault)
            })
            .await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn end(&self, user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault> {
        let cause = cause.clone();
        self.write(move |connection| sessions::log_out(connection, user, id, &cause)).await
    }

    async fn end_all(&self, user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault> {
        let cause = cause.clone();
        self.write(move |connection| sessions::log_out_all(connection, user, &cause)).await
    }
}
