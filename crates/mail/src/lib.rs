//! Mails: what they say, and how they are sent.
//!
//! - `letter`: the texts, from the templates in `templates/`, which are checked at compile time
//! - `message`: the headers and the parts of a mail
//! - [`SmtpMailer`]: sends mails to an SMTP server
//! - [`Outbox`]: writes mails to a folder, for development
//!
//! # How to add a kind of mail
//! Add it to [`MailContent`](entrepot_domain::mail::MailContent), write a template with the ending `.txt` and one with
//! `.html`, and declare both in `letter`. Whatever stands in a template with the ending `.html` is escaped.

mod letter;
mod link;
mod message;
mod outbox;
mod sender;
mod smtp;

pub use message::MessageSettings;
pub use outbox::Outbox;
pub use sender::Sender;
pub use smtp::{SmtpMailer, SmtpOptions};
