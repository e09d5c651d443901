//! Where users are kept.

use async_trait::async_trait;
use uuid::Uuid;

use super::{PersonName, Role, Roles, User};
use crate::{
    Email, Fault, Listing, SessionId, Sort, SortField, SortValue, UserId, Version, Window, audit::Cause,
    password::PasswordHash,
};

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The user as it will be found.
    pub user: User,
    /// What their password is checked against.
    pub password: PasswordHash,
}

/// A user with what their password is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// What their password is checked against.
    pub password: PasswordHash,
}

/// What to change of a user; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new name.
    pub name: Option<PersonName>,
    /// A new address, unproved from then on (unless it differs in nothing).
    pub email: Option<Email>,
    /// A new password: all sessions of the user but `keep` end with it.
    pub password: Option<PasswordHash>,
    /// The session that outlives a new password.
    pub keep: Option<SessionId>,
    /// The password by which the change was asked for: it must be the present one still.
    pub proved: Option<PasswordHash>,
}

/// A user that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedUser {
    /// As it is now.
    pub user: User,
    /// Every session that ended, or whose [`Access`](crate::auth::Access) is another one, by this change.
    pub sessions: Vec<SessionId>,
}

/// Which users a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Part of a name or an address, whatever its case.
    pub search: Option<String>,
    /// Those that have this role.
    pub role: Option<Role>,
}

/// What users can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    /// Their name, its case folded.
    Name,
    /// Their address, its case folded.
    Email,
    /// When they signed up.
    CreatedAt,
}

impl SortField for UserSort {
    type Item = User;

    const ALL: &'static [(&'static str, Self)] =
        &[("name", Self::Name), ("email", Self::Email), ("createdAt", Self::CreatedAt)];

    fn value(self, user: &User) -> SortValue {
        match self {
            Self::Name => SortValue::of_name(user.name.as_str()),
            Self::Email => SortValue::Text(user.email.folded()),
            Self::CreatedAt => SortValue::Time(user.created_at),
        }
    }

    fn may_be(self, value: &SortValue) -> bool {
        self != Self::Name || value.is_of_name()
    }

    fn id(user: &User) -> Uuid {
        user.id.0
    }
}

/// A part of the list of users.
#[derive(Debug, Clone)]
pub struct UserQuery {
    /// Which.
    pub filter: UserFilter,
    /// In what order.
    pub sort: Sort<UserSort>,
    /// Which part.
    pub window: Window,
}

/// Why a user was not written.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no such user, or not any more.
    #[error("no such user")]
    NotFound,
    /// Another user has that address.
    #[error("email taken")]
    EmailTaken,
    /// It would leave nobody to manage users and roles.
    #[error("the last admin cannot be removed")]
    LastAdmin,
    /// The password that was proved is not the present one any more.
    #[error("another password")]
    PasswordChanged,
    /// The user is not at the version that the caller has seen.
    #[error("another version")]
    VersionConflict,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Keeps users. Every method is atomic. An `expected` version that is not the present one refuses the change with
/// [`UserError::VersionConflict`]; every change adds one to the version. Erased users are not found by any method.
/// Every change is audited, in one transaction with it: a refused one leaves no entry.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Keeps a new user, or refuses with [`UserError::EmailTaken`]. The store judges that, so of two at once one wins.
    async fn insert(&self, new: &NewUser, cause: &Cause) -> Result<(), UserError>;

    /// Looks a user up.
    async fn find(&self, id: UserId) -> Result<Option<User>, Fault>;

    /// Looks a user up by address, whatever its case.
    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, Fault>;

    /// The same by identifier.
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, Fault>;

    /// Lists users, in the order of `query.sort`.
    async fn list(&self, query: &UserQuery) -> Result<Listing<User>, Fault>;

    /// Changes a user, and ends the sessions that a new password ends, in one.
    /// Errors: `NotFound`, `EmailTaken`, `PasswordChanged`, `VersionConflict`.
    async fn update(
        &self,
        id: UserId,
        change: &UserChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError>;

    /// Gives a user other roles. All live sessions are reported, for they carry the roles.
    /// Errors: `NotFound`, `LastAdmin`, `VersionConflict`. Two admins who demote each other at once: one wins.
    async fn set_roles(
        &self,
        id: UserId,
        roles: Roles,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError>;

    /// Erases name, address and password, also in the audit log, ends all sessions and returns them. Orders stay. The
    /// address is free again.
    /// Errors: `NotFound`, `LastAdmin`, `VersionConflict`.
    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError>;

    /// Whether anybody may manage users: false tells an operator to make the first admin.
    async fn has_admin(&self) -> Result<bool, Fault>;
}
