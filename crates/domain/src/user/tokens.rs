//! What users do with account tokens.

use async_trait::async_trait;

use super::{ChangedUser, User};
use crate::{
    Fault, Timestamp, UserId,
    account_token::{TokenMail, TokenPurpose},
    audit::Cause,
    job::NewJob,
    password::PasswordHash,
    token_hash::TokenHash,
};

/// The use of a token that sets a new password.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone)]
pub struct PasswordReset {
    pub token: TokenHash,
    pub password: PasswordHash,
    /// The mail about the new password.
    pub mail: NewJob,
}

/// Stores account tokens. Every method is atomic. A token is live until it is used or ended, or it expires, or its user
/// has another email or is erased.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AccountTokenRepository: Send + Sync {
    /// Inserts a token and queues its mail. Does neither and returns false if there is no user with this email, if the
    /// token is to verify an email that is verified, or if the user was sent
    /// [`MAX_TOKENS_IN_WINDOW`](crate::account_token::MAX_TOKENS_IN_WINDOW) of the same purpose within the last hour.
    async fn issue(&self, mail: &TokenMail) -> Result<bool, Fault>;

    /// Returns the user of a live token.
    async fn owner(&self, token: &TokenHash, purpose: TokenPurpose, now: Timestamp) -> Result<Option<UserId>, Fault>;

    /// Uses a token: sets the password, ends all sessions and all tokens that reset this password, and queues the mail.
    /// Audited. `None` if the token is not live; of two calls with one token, one succeeds.
    async fn reset_password(&self, reset: &PasswordReset, cause: &Cause) -> Result<Option<ChangedUser>, Fault>;

    /// Uses a token: the email of its user is verified. Audited, unless it was verified before. `None` if the token is not
    /// live; of two calls with one token, one succeeds.
    async fn verify_email(&self, token: &TokenHash, cause: &Cause) -> Result<Option<User>, Fault>;
}
