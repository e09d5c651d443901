//! Looks for users who forgot their passwords.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_application::account::AccountService;
use entrepot_domain::{Email, job::Backoff};

use crate::kind::{Attempt, Done, Failure, Kind, KindSettings};

/// Looks for the user with an email and mails them a token that resets the password. The request for it was answered
/// before, in the same time whether there is such a user or not. No trace of the job is kept.
pub struct MailForgottenPassword {
    /// The use case.
    pub accounts: Arc<AccountService>,
}

impl MailForgottenPassword {
    pub(super) const SETTINGS: KindSettings = KindSettings {
        concurrency: 4,
        deadline: Duration::from_secs(15),
        max_attempts: 6,
        backoff: Backoff { first: Duration::from_secs(2), longest: Duration::from_mins(5) },
        schedule: None,
    };
}

#[async_trait]
impl Kind for MailForgottenPassword {
    const NAME: &'static str = "users.forgotten_password";
    /// The email.
    type Payload = String;

    fn settings(&self) -> KindSettings {
        Self::SETTINGS
    }

    async fn run(&self, email: String, _: Attempt) -> Result<Done, Failure> {
        let email = Email::parse(&email).map_err(|_| Failure::fatal("its payload cannot be read"))?;
        self.accounts.mail_password_reset(&email).await?;
        Ok(Done::Nothing)
    }
}
