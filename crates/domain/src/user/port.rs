//! The repository of users.

use async_trait::async_trait;
use uuid::Uuid;

use super::{PersonName, Role, Roles, User};
use crate::{
    Email, Fault, Listing, SessionId, Sort, SortField, SortValue, UserId, Version, Window, account_token::TokenMail,
    audit::Cause, job::NewJob, password::PasswordHash,
};

/// A user to be inserted.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The user as it will be read later.
    pub user: User,
    pub password: PasswordHash,
    /// The mail that verifies the email; `None` sends none.
    pub verification: Option<TokenMail>,
}

/// A user with their password hash.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: User,
    pub password: PasswordHash,
}

/// The changes of a user; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    pub name: Option<PersonName>,
    /// Unverified from then on, unless it is equal to the present one.
    pub email: Option<Email>,
    /// Ends all sessions of the user but `keep`.
    pub password: Option<PasswordHash>,
    /// The session that a new password does not end.
    pub keep: Option<SessionId>,
    /// The hash that the current password was checked against: it must still be the present one.
    pub proved: Option<PasswordHash>,
    /// The mail that verifies the email, sent if it changes; `None` sends none.
    pub verification: Option<TokenMail>,
    /// The mail about a new password, sent if there is one.
    pub password_mail: Option<NewJob>,
}

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedUser {
    pub user: User,
    /// Every session that was ended, or whose [`Access`](crate::auth::Access) changed.
    pub sessions: Vec<SessionId>,
}

/// The filter of a list of users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// All words of this text must occur in the name or email, ignoring case.
    pub search: Option<String>,
    pub role: Option<Role>,
}

/// The sort keys of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    /// Their name, its case folded.
    Name,
    /// By the folded email.
    Email,
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

/// A query for a list of users.
#[derive(Debug, Clone)]
pub struct UserQuery {
    pub filter: UserFilter,
    pub sort: Sort<UserSort>,
    pub window: Window,
}

/// Why a change of a user was refused.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no such user, or it was erased.
    #[error("no such user")]
    NotFound,
    /// Another user has this email.
    #[error("email taken")]
    EmailTaken,
    /// It would remove the last admin.
    #[error("the last admin cannot be removed")]
    LastAdmin,
    /// The current password that was checked is not the present one any more.
    #[error("another password")]
    PasswordChanged,
    /// The user has another version than expected.
    #[error("another version")]
    VersionConflict,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Stores users. Every method is atomic. An `expected` version that is not the present one refuses the change with
/// [`UserError::VersionConflict`]; every change adds one to the version. No method finds erased users. Every change is
/// audited, in the same transaction: a refused one leaves no entry.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// Inserts a user, or returns [`UserError::EmailTaken`]. The store decides that by a constraint, so that of two
    /// concurrent calls one succeeds. The mail that verifies the email is queued.
    async fn insert(&self, new: &NewUser, cause: &Cause) -> Result<(), UserError>;

    /// Returns a user.
    async fn find(&self, id: UserId) -> Result<Option<User>, Fault>;

    /// Returns those of these users that exist, in any order.
    async fn find_many(&self, ids: &[UserId]) -> Result<Vec<User>, Fault>;

    /// Returns the credentials of the user with this email, ignoring case.
    async fn credentials_by_email(&self, email: &Email) -> Result<Option<Credentials>, Fault>;

    /// Returns the credentials of a user.
    async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, Fault>;

    /// Lists users, in the order of `query.sort`.
    async fn list(&self, query: &UserQuery) -> Result<Listing<User>, Fault>;

    /// Updates a user, and ends the sessions that a new password ends. A changed email ends all account tokens of the user
    /// and a new password those that reset it; the mails of the change are queued. Errors: `NotFound`, `EmailTaken`,
    /// `PasswordChanged`, `VersionConflict`.
    async fn update(
        &self,
        id: UserId,
        change: &UserChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError>;

    /// Replaces the roles of a user. Returns all live sessions, because their access changes. Errors: `NotFound`,
    /// `LastAdmin`, `VersionConflict`. If two admins demote each other concurrently, one call succeeds.
    async fn set_roles(
        &self,
        id: UserId,
        roles: Roles,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<ChangedUser, UserError>;

    /// Erases the name, email and password, also in the audit log, with all account tokens and known devices; ends all
    /// sessions and returns them. Orders are kept. The email may be used again. Errors: `NotFound`, `LastAdmin`, `VersionConflict`.
    async fn erase(&self, id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError>;

    /// Returns whether there is an admin. If not, the operator is told to create one.
    async fn has_admin(&self) -> Result<bool, Fault>;
}
