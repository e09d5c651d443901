//! Users.

mod audit;
mod change;
mod email_owner;
mod port;
mod role;
mod tokens;

pub use email_owner::{EmailDecision, EmailOwner};
#[cfg(feature = "mock")]
pub use port::MockUserRepository;
pub use port::{
    ChangedUser, Credentials, NewUser, UserChange, UserError, UserFilter, UserQuery, UserRepository, UserSort,
};
pub use role::{Role, Roles};
#[cfg(feature = "mock")]
pub use tokens::MockAccountTokenRepository;
pub use tokens::{AccountTokenRepository, PasswordReset};

use crate::{Email, Timestamp, UserId, Version, text::line_of_text};

line_of_text!(
    /// The name of a user.
    PersonName,
    100
);

/// A user. The password is not part of it, so that it cannot be shown by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: PersonName,
    /// Unique among all users, ignoring case.
    pub email: Email,
    pub roles: Roles,
    /// Whether the email was verified; a changed one is unverified.
    pub email_verified: bool,
    pub version: Version,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
