//! People with an account.

mod audit;
mod change;
mod port;
mod role;

#[cfg(feature = "mock")]
pub use port::MockUserRepository;
pub use port::{
    ChangedUser, Credentials, NewUser, UserChange, UserError, UserFilter, UserQuery, UserRepository, UserSort,
};
pub use role::{Role, Roles};

use crate::{Email, Timestamp, UserId, Version, text::line_of_text};

line_of_text!(
    /// What a person wants to be called.
    PersonName,
    100
);

/// Somebody with an account. The password is not part of it, so that it cannot be shown by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// What they want to be called.
    pub name: PersonName,
    /// Unique among all users but for its case.
    pub email: Email,
    /// What they may do.
    pub roles: Roles,
    /// Whether the address was proved to be theirs; a changed address starts unproved.
    pub email_verified: bool,
    /// Counts the changes.
    pub version: Version,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
