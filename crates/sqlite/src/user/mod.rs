//! Users.

mod list;
mod row;
mod tokens;
mod write;

use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, dsl::exists, select};
use entrepot_domain::{
    Email, Fault, Listing, SessionId, UserId, Version,
    audit::Cause,
    user::{ChangedUser, Credentials, NewUser, Roles, User, UserChange, UserError, UserQuery, UserRepository},
};
use row::UserRow;

use crate::{SqliteStore, error::fault, schema::users, value::Id};

#[async_trait]
impl UserRepository for SqliteStore {
    async fn insert(&self, new: &NewUser, cause: &Cause) -> Result<(), UserError> {
        let (new, cause) = (new.clone(), cause.clone());
        self.write_events(move |connection| write::insert(connection, &new, &cause)).await?;
        self.queued_jobs().notify_one();
        Ok(())
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, Fault> {
        let row = self.row(id).await?;
        row.map(User::try_from).transpose()
    }

    async fn find_many(&self, ids: &[UserId]) -> Result<Vec<User>, Fault> {
        let ids: Vec<Id> = ids.iter().map(|id| Id(id.0)).collect();
        let rows: Vec<UserRow> = self
            .read(move |connection| {
                let known = users::table.filter(users::id.eq_any(ids)).filter(users::erased_at.is_null());
                known.select(UserRow::as_select()).load(connection).map_err(fault)
            })
            .await?;
        rows.into_iter().map(User::try_from).collect()
    }

    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, Fault> {
        let folded = email.folded();
        let row: Option<UserRow> = self
            .read(move |connection| {
                users::table
                    .filter(users::email_folded.eq(folded))
                    .select(UserRow::as_select())
                    .get_result(connection)
                    .optional()
                    .map_err(fault)
            })
            .await?;
        row.map(Credentials::try_from).transpose()
    }

    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, Fault> {
        let row = self.row(id).await?;
        row.map(Credentials::try_from).transpose()
    }

    async fn list(&self, query: &UserQuery) -> Result<Listing<User>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }

    async fn update(
        &self,
        id: UserId,
        change: &UserChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError> {
        let (change, cause) = (change.clone(), cause.clone());
        let changed = self.write(move |connection| write::update(connection, id, &change, expected, &cause)).await?;
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
        let cause = cause.clone();
        self.write(move |connection| write::set_roles(connection, id, roles, expected, &cause)).await
    }

    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError> {
        let cause = cause.clone();
        self.write_events(move |connection| write::erase(connection, id, expected, &cause)).await
    }

    async fn has_admin(&self) -> Result<bool, Fault> {
        self.read(|connection| {
            select(exists(users::table.filter(row::is_admin()).filter(users::erased_at.is_null())))
                .get_result(connection)
                .map_err(fault)
        })
        .await
    }
}

impl SqliteStore {
    async fn row(&self, id: UserId) -> Result<Option<UserRow>, Fault> {
        self.read(move |connection| {
            users::table
                .filter(users::id.eq(Id(id.0)))
                .filter(users::erased_at.is_null())
                .select(UserRow::as_select())
                .get_result(connection)
                .optional()
                .map_err(fault)
        })
        .await
    }
}
