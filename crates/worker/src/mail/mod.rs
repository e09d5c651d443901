//! Jobs that send mails, and what queues those about orders.

mod forgotten;
mod jobs;
mod orders;
mod payload;
mod send;

pub use forgotten::MailForgottenPassword;
pub use jobs::JobMails;
pub use orders::{OrderMailPorts, OrderMails};
pub use send::{SendMail, SendMailPorts};
