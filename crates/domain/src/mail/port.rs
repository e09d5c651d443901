//! Where mails go, and how they become jobs.

use async_trait::async_trait;

use super::{Mail, MailRequest};
use crate::{Email, Fault, JobId, job::NewJob};

/// Why a mail was not sent. Admins see the words, which name neither an address nor a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Another try may succeed.
    #[error("{0}")]
    Temporary(String),
    /// No other try will succeed.
    #[error("{0}")]
    Refused(String),
}

/// Sends mails.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends a mail and returns when the next hop is responsible for it. A mail that is sent again has the same
    /// `Message-ID`.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// Makes the jobs that send mails.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait MailJobs: Send + Sync {
    /// The job that sends a mail.
    fn mail(&self, id: JobId, request: &MailRequest) -> Result<NewJob, Fault>;

    /// The job that looks for a user with this email, and mails them a token that resets the password. Whether there is
    /// one cannot be told from the job.
    fn forgotten_password(&self, id: JobId, email: &Email) -> Result<NewJob, Fault>;
}
