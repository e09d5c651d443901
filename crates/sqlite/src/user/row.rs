//! Rows of users.

use diesel::{ExpressionMethods, Insertable, Queryable, Selectable, dsl::GtEq, sqlite::Sqlite};
use entrepot_domain::{
    Email, Fault, Timestamp, UserId, Version,
    auth::PasswordHash,
    search_text,
    user::{Credentials, NewUser, PersonName, Role, Roles, User},
};

use crate::{
    error::broken_row,
    schema::users,
    value::{Id, moment, read, roles},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(Sqlite))]
pub(super) struct UserRow {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) email_folded: Option<String>,
    pub(super) password: Option<String>,
    pub(super) roles: i64,
    pub(super) email_verified: bool,
    pub(super) search: String,
    pub(super) version: i64,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) erased_at: Option<i64>,
}

/// The text that searches match.
pub(super) fn search_of(name: &PersonName, email: &Email) -> String {
    search_text(&[name.as_str(), email.as_str()])
}

/// The condition for users with a role: the sum has its bit.
pub(super) fn sums_with(role: Role) -> Vec<i64> {
    let with = |bits: &u8| Roles::from_bits(*bits).is_ok_and(|roles| roles.contains(role));
    (1..=7).filter(with).map(i64::from).collect()
}

/// Admin is the greatest of the three numbers, so every set with it has at least this sum; the partial index
/// `users_admins` has the same condition.
pub(super) fn is_admin() -> GtEq<users::roles, i64> {
    users::roles.ge(4)
}

impl From<&NewUser> for UserRow {
    fn from(new: &NewUser) -> Self {
        let user = &new.user;
        Self {
            id: Id(user.id.0),
            name: user.name.as_str().to_owned(),
            email: Some(user.email.as_str().to_owned()),
            email_folded: Some(user.email.folded()),
            password: Some(new.password.0.clone()),
            roles: i64::from(user.roles.bits()),
            email_verified: user.email_verified,
            search: search_of(&user.name, &user.email),
            version: user.version.0,
            created_at: user.created_at.timestamp_millis(),
            updated_at: user.updated_at.timestamp_millis(),
            erased_at: None,
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = Fault;

    fn try_from(row: UserRow) -> Result<Self, Fault> {
        let id = row.id.0;
        let at = |column, millis| -> Result<Timestamp, Fault> { moment("users", column, id, millis) };
        Ok(Self {
            id: UserId(id),
            name: read("users", "name", id, PersonName::parse(&row.name))?,
            email: read("users", "email", id, Email::parse(row.email.as_deref().unwrap_or_default()))?,
            roles: roles(id, row.roles)?,
            email_verified: row.email_verified,
            version: Version(row.version),
            created_at: at("created_at", row.created_at)?,
            updated_at: at("updated_at", row.updated_at)?,
        })
    }
}

impl TryFrom<UserRow> for Credentials {
    type Error = Fault;

    fn try_from(mut row: UserRow) -> Result<Self, Fault> {
        let id = row.id.0;
        let password = row.password.take().ok_or_else(|| broken_row("users", "password", id, "is missing"))?;
        Ok(Self { user: User::try_from(row)?, password: PasswordHash(password) })
    }
}
