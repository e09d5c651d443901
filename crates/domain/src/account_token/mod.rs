//! Tokens that are mailed to users: to verify an email, and to set a new password.
//!
//! A token is good for one use and a limited time, and only as long as its user has the email that it was sent to. The
//! store keeps nothing but its hash. The port is [`AccountTokenRepository`](crate::user::AccountTokenRepository).

mod secret;

pub use secret::AccountSecret;

use std::{fmt, str::FromStr, time::Duration};

use crate::{Email, Invalid, Timestamp, UserId, job::NewJob, saturating_add, token_hash::TokenHash};

/// How many tokens for one purpose a user is sent within [`TOKEN_WINDOW`], so that nobody can be flooded with mails.
pub const MAX_TOKENS_IN_WINDOW: u32 = 5;

/// See [`MAX_TOKENS_IN_WINDOW`].
pub const TOKEN_WINDOW: Duration = Duration::from_hours(1);

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// Verifies the email that it was sent to.
    EmailVerification,
    /// Sets a new password.
    PasswordReset,
}

impl TokenPurpose {
    /// Its name for stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmailVerification => "email_verification",
            Self::PasswordReset => "password_reset",
        }
    }

    /// How long a token is good.
    pub const fn ttl(self) -> Duration {
        match self {
            Self::EmailVerification => Duration::from_hours(3 * 24),
            Self::PasswordReset => Duration::from_hours(1),
        }
    }
}

impl fmt::Display for TokenPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenPurpose {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        let all = [Self::EmailVerification, Self::PasswordReset];
        all.into_iter().find(|known| known.as_str() == name).ok_or_else(|| Invalid::new("is no purpose of a token"))
    }
}

/// A token, as a store keeps it.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountToken {
    pub hash: TokenHash,
    pub user: UserId,
    pub purpose: TokenPurpose,
    /// The email that it is sent to.
    pub email: Email,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl AccountToken {
    /// A token that is made now.
    pub fn new(secret: &AccountSecret, user: UserId, purpose: TokenPurpose, email: Email, now: Timestamp) -> Self {
        let expires_at = saturating_add(now, purpose.ttl());
        Self { hash: secret.hash(), user, purpose, email, created_at: now, expires_at }
    }
}

/// A token and the job that mails it.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMail {
    pub token: AccountToken,
    pub job: NewJob,
}
