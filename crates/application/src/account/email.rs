//! Verification of emails.

use entrepot_domain::{account_token::TokenPurpose, audit::Origin, auth::Actor};

use super::{AccountService, bad_token};
use crate::{Error, permission::require_session};

impl AccountService {
    /// Uses a token to verify the email that it was sent to.
    pub async fn verify_email(&self, token: &str, origin: &Origin) -> Result<(), Error> {
        let (user, token, cause) = self.redeem(token, TokenPurpose::EmailVerification, origin).await?;
        self.ports.tokens.verify_email(&token, &cause).await?.ok_or_else(bad_token)?;
        tracing::info!(%user, "email verified");
        Ok(())
    }

    /// Mails the actor another token that verifies their email, unless it is verified; not more than five in an hour.
    pub async fn resend_verification(&self, actor: &Actor) -> Result<(), Error> {
        require_session(actor)?;
        let user = self.ports.users.find(actor.user).await?.ok_or(Error::NotFound)?;
        if !user.email_verified {
            let mail = self.ports.mails.verification(user.id, user.email, self.ports.clock.now())?;
            self.ports.tokens.issue(&mail).await?;
        }
        Ok(())
    }
}
