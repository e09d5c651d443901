//! The mails that follow from changes of accounts.

use std::sync::Arc;

use entrepot_domain::{
    Email, Fault, IdGenerator, JobId, Timestamp, UserId,
    account_token::{AccountSecret, AccountToken, TokenMail, TokenPurpose},
    api_key::Randomness,
    auth::Device,
    job::NewJob,
    mail::{MailJobs, MailRequest, MailTopic},
};

/// Makes the mails that follow from changes of accounts, as jobs that the ports of those changes queue.
pub struct AccountMails {
    jobs: Arc<dyn MailJobs>,
    random: Arc<dyn Randomness>,
    ids: Arc<dyn IdGenerator>,
}

impl AccountMails {
    /// Makes mails over these ports.
    pub fn new(jobs: Arc<dyn MailJobs>, random: Arc<dyn Randomness>, ids: Arc<dyn IdGenerator>) -> Self {
        Self { jobs, random, ids }
    }

    /// A token that verifies this email, and its mail.
    pub(crate) fn verification(&self, user: UserId, email: Email, now: Timestamp) -> Result<TokenMail, Fault> {
        let secret = self.secret()?;
        let token = AccountToken::new(&secret, user, TokenPurpose::EmailVerification, email, now);
        let job = self.job(user, MailTopic::EmailVerification { token: secret })?;
        Ok(TokenMail { token, job })
    }

    /// A token that resets the password of the user with this email, and its mail.
    pub(crate) fn password_reset(&self, user: UserId, email: Email, now: Timestamp) -> Result<TokenMail, Fault> {
        let secret = self.secret()?;
        let token = AccountToken::new(&secret, user, TokenPurpose::PasswordReset, email, now);
        let job = self.job(user, MailTopic::PasswordReset { token: secret })?;
        Ok(TokenMail { token, job })
    }

    pub(crate) fn password_changed(&self, user: UserId, at: Timestamp) -> Result<NewJob, Fault> {
        self.job(user, MailTopic::PasswordChanged { at })
    }

    pub(crate) fn new_login(&self, user: UserId, at: Timestamp, device: Device) -> Result<NewJob, Fault> {
        self.job(user, MailTopic::NewLogin { at, device })
    }

    /// The job that looks for a user who forgot their password.
    pub(crate) fn forgotten_password(&self, email: &Email) -> Result<NewJob, Fault> {
        self.jobs.forgotten_password(JobId(self.ids.next()), email)
    }

    fn secret(&self) -> Result<AccountSecret, Fault> {
        Ok(AccountSecret::from_random(self.random.bytes()?))
    }

    fn job(&self, user: UserId, topic: MailTopic) -> Result<NewJob, Fault> {
        self.jobs.mail(JobId(self.ids.next()), &MailRequest { user, topic })
    }
}
