//! Sessions.

pub(crate) mod devices;
mod rotate;
mod row;
pub(crate) mod sessions;
mod ticket;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    audit::Cause,
    auth::{Access, NewSession, OpenError, RotateError, Rotated, Rotation, Session, SessionRepository},
};
use futures_util::FutureExt;
use row::SessionRow;
use uuid::Uuid;

use crate::{
    PostgresStore,
    error::fault,
    schema::{sessions as table, users},
    value::roles,
};

#[async_trait]
impl SessionRepository for PostgresStore {
    async fn open(&self, new: &NewSession) -> Result<(), OpenError> {
        self.write(new.clone(), |connection, new| sessions::open(connection, new).boxed()).await?;
        self.queued_jobs().notify_one();
        Ok(())
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<Rotated, RotateError> {
        // A reused token ends its session, which has to be committed although the call is refused: so the refusal is an
        // `Ok` value here.
        self.write(rotation.clone(), |connection, rotation| rotate::rotate(connection, rotation).boxed()).await?
    }

    async fn access(&self, id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault> {
        let found: Option<(Uuid, i64)> = self
            .read((id, now), |connection, (id, now)| {
                let alive = table::table
                    .inner_join(users::table)
                    .filter(table::id.eq(id.0))
                    .filter(table::ended_at.is_null())
                    .filter(table::expires_at.gt(now))
                    .filter(users::erased_at.is_null())
                    .select((users::id, users::roles));
                async move { alive.get_result(connection).await.optional().map_err(fault) }.boxed()
            })
            .await?;
        found.map(|(user, sum)| Ok(Access { user: UserId(user), roles: roles(user, sum)? })).transpose()
    }

    async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault> {
        let rows: Vec<SessionRow> = self
            .read((user, now), |connection, (user, now)| {
                let alive = table::table
                    .filter(table::user_id.eq(user.0))
                    .filter(table::ended_at.is_null())
                    .filter(table::expires_at.gt(now))
                    .order((table::last_used_at.desc(), table::id.desc()))
                    .select(SessionRow::as_select());
                async move { alive.load(connection).await.map_err(fault) }.boxed()
            })
            .await?;
        rows.into_iter().map(Session::try_from).collect()
    }

    async fn end(&self, user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault> {
        self.write((user, id, cause.clone()), |connection, (user, id, cause)| {
            sessions::log_out(connection, *user, *id, cause).boxed()
        })
        .await
    }

    async fn end_all(&self, user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault> {
        self.write((user, cause.clone()), |connection, (user, cause)| {
            sessions::log_out_all(connection, *user, cause).boxed()
        })
        .await
    }
}
