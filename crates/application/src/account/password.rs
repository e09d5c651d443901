//! Passwords that were forgotten.

use entrepot_domain::{
    Email, Fault, account_token::TokenPurpose, audit::Origin, auth::PlainPassword, user::PasswordReset,
};

use super::{AccountService, bad_token};
use crate::Error;

impl AccountService {
    /// Queues the job that looks for a user with this email and mails them a token. Whether there is one is not looked
    /// up here, so neither the answer nor its time tells.
    pub async fn forgot_password(&self, email: &Email) -> Result<(), Error> {
        let job = self.ports.mails.forgotten_password(email)?;
        self.ports.queue.enqueue(&[job]).await?;
        Ok(())
    }

    /// Mails the user with this email, if there is one, a token that resets their password; not more than five in an
    /// hour. Returns whether a mail was queued.
    pub async fn mail_password_reset(&self, email: &Email) -> Result<bool, Fault> {
        let Some(known) = self.ports.users.credentials_by_email(email).await? else { return Ok(false) };
        let now = self.ports.clock.now();
        // To the address as its owner writes it, which may be another mailbox than the one that was typed.
        let mail = self.ports.mails.password_reset(known.user.id, known.user.email, now)?;
        self.ports.tokens.issue(&mail).await
    }

    /// Uses a token to set a new password. All sessions of the user end.
    pub async fn reset_password(&self, token: &str, password: &PlainPassword, origin: &Origin) -> Result<(), Error> {
        let (user, token, cause) = self.redeem(token, TokenPurpose::PasswordReset, origin).await?;
        // Not before the token is known to be good: hashing is expensive.
        let password = self.ports.hasher.hash(password).await?;
        let mail = self.ports.mails.password_changed(user, cause.at)?;
        let reset = PasswordReset { token, password, mail };
        self.ports.tokens.reset_password(&reset, &cause).await?.ok_or_else(bad_token)?;
        tracing::info!(%user, "password reset");
        Ok(())
    }
}
