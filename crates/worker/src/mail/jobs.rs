//! Makes the jobs that send mails.

use entrepot_domain::{
    Email, Fault, JobId,
    job::{NewJob, Priority},
    mail::{MailJobs, MailRequest, MailTopic},
};

use super::{MailForgottenPassword, SendMail, payload::MailPayload};
use crate::kind::new_job_of;

/// Mails that somebody waits for are sent before those about orders.
const WAITED_FOR: Priority = Priority(10);

/// Makes the jobs that send mails.
pub struct JobMails;

impl MailJobs for JobMails {
    fn mail(&self, id: JobId, request: &MailRequest) -> Result<NewJob, Fault> {
        let job = new_job_of::<SendMail>(&SendMail::SETTINGS, id, &MailPayload::from(request), None);
        let priority = match request.topic {
            MailTopic::OrderConfirmation { .. }
            | MailTopic::OrderStatus { .. }
            | MailTopic::WebhookDeactivated { .. } => Priority::default(),
            MailTopic::EmailVerification { .. }
            | MailTopic::PasswordReset { .. }
            | MailTopic::PasswordChanged { .. }
            | MailTopic::NewLogin { .. } => WAITED_FOR,
        };
        Ok(NewJob { priority, ..job.map_err(Fault::unknown)? })
    }

    fn forgotten_password(&self, id: JobId, email: &Email) -> Result<NewJob, Fault> {
        let settings = MailForgottenPassword::SETTINGS;
        let job = new_job_of::<MailForgottenPassword>(&settings, id, &email.as_str().to_owned(), None);
        Ok(NewJob { priority: WAITED_FOR, ..job.map_err(Fault::unknown)? })
    }
}
