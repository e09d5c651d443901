//! Users.

mod list;
mod row;
mod tokens;
mod write;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, dsl::exists, select};
use diesel_async::RunQueryDsl;
use entrepot_domain::{
    Email, Fault, Listing, SessionId, UserId, Version,
    audit::Cause,
    user::{ChangedUser, Credentials, NewUser, Roles, User, UserChange, UserError, UserQuery, UserRepository},
};
use futures_util::FutureExt;
use row::UserRow;
use uuid::Uuid;

use crate::{PostgresStore, error::fault, schema::users};

#[async_trait]
impl UserRepository for PostgresStore {
    async fn insert(&self, new: &NewUser, cause: &Cause) -> Result<(), UserError> {
        self.write_events((new.clone(), cause.clone()), |connection, (new, cause)| {
            write::insert(connection, new, cause).boxed()
        })
        .await?;
        self.queued_jobs().notify_one();
        Ok(())
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, Fault> {
        self.row(id).await?.map(User::try_from).transpose()
    }

    async fn find_many(&self, ids: &[UserId]) -> Result<Vec<User>, Fault> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows: Vec<UserRow> = self
            .read(ids, |connection, ids| {
                let known = users::table.filter(users::id.eq_any(ids)).filter(users::erased_at.is_null());
                let known = known.select(UserRow::as_select());
                async move { known.load(connection).await.map_err(fault) }.boxed()
            })
            .await?;
        rows.into_iter().map(User::try_from).collect()
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, Fault> {
        let row = self
            .read(email.folded(), |connection, folded| {
                let row = users::table.filter(users::email_folded.eq(folded)).select(UserRow::as_select());
                async move { row.get_result(connection).await.optional().map_err(fault) }.boxed()
            })
            .await?;
        row.map(Credentials::try_from).transpose()
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, Fault> {
        self.row(id).await?.map(Credentials::try_from).transpose()
    }

    async fn list(&self, query: &UserQuery) -> Result<Listing<User>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }

    async fn update(
        &self,
        id: UserId,
        change: &UserChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError> {
        let changed = self
            .write((id, change.clone(), expected, cause.clone()), |connection, (id, change, expected, cause)| {
                write::update(connection, *id, change, *expected, cause).boxed()
            })
            .await?;
        self.queued_jobs().notify_one();
        Ok(changed)
    }

    async fn set_roles(
        &self,
        id: UserId,
        roles: Roles,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError> {
        self.write((id, roles, expected, cause.clone()), |connection, (id, roles, expected, cause)| {
            write::set_roles(connection, *id, *roles, *expected, cause).boxed()
        })
        .await
    }

    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError> {
        self.write_events((id, expected, cause.clone()), |connection, (id, expected, cause)| {
            write::erase(connection, *id, *expected, cause).boxed()
        })
        .await
    }

    async fn has_admin(&self) -> Result<bool, Fault> {
        self.read((), |connection, ()| {
            let admins = users::table.filter(row::is_admin()).filter(users::erased_at.is_null());
            async move { select(exists(admins)).get_result(connection).await.map_err(fault) }.boxed()
        })
        .await
    }
}

impl PostgresStore {
    async fn row(&self, id: UserId) -> Result<Option<UserRow>, Fault> {
        self.read(id, |connection, id| {
            let row = users::table.filter(users::id.eq(id.0)).filter(users::erased_at.is_null());
            let row = row.select(UserRow::as_select());
            async move { row.get_result(connection).await.optional().map_err(fault) }.boxed()
        })
        .await
    }
}
