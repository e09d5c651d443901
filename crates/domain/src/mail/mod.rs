//! Mails to users.
//!
//! What is to be mailed is a [`MailRequest`]: it names the user, and becomes a job in the transaction of the change that it
//! is about. When the job runs, the user is looked up, so that a mail goes to the address that they have then, and none to
//! those who were erased. The [`Mail`] that comes of it goes to the [`Mailer`].

mod port;

pub use port::{MailError, MailJobs, Mailer};
#[cfg(feature = "mock")]
pub use port::{MockMailJobs, MockMailer};

use uuid::Uuid;

use crate::{
    Email, OrderId, Timestamp, UserId, WebhookId,
    account_token::AccountSecret,
    auth::Device,
    order::{Order, OrderStatus},
    user::PersonName,
    webhook::WebhookUrl,
};

/// The kinds of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    EmailVerification,
    PasswordReset,
    PasswordChanged,
    NewLogin,
    OrderConfirmation,
    OrderStatus,
    WebhookDeactivated,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::EmailVerification,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::NewLogin,
        Self::OrderConfirmation,
        Self::OrderStatus,
        Self::WebhookDeactivated,
    ];

    /// Its name in the header `X-Entrepot-Mail`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmailVerification => "email_verification",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::NewLogin => "new_login",
            Self::OrderConfirmation => "order_confirmation",
            Self::OrderStatus => "order_status",
            Self::WebhookDeactivated => "webhook_deactivated",
        }
    }
}

/// What a user is to be mailed.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRequest {
    pub user: UserId,
    pub topic: MailTopic,
}

/// What a mail is about.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTopic {
    EmailVerification {
        token: AccountSecret,
    },
    PasswordReset {
        token: AccountSecret,
    },
    PasswordChanged {
        at: Timestamp,
    },
    NewLogin {
        at: Timestamp,
        device: Device,
    },
    OrderConfirmation {
        order: OrderId,
    },
    /// An order that came into this status.
    OrderStatus {
        order: OrderId,
        status: OrderStatus,
    },
    /// An endpoint that the user made, and that is sent no more events.
    WebhookDeactivated {
        webhook: WebhookId,
        url: WebhookUrl,
    },
}

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Identifies the mail; the same at every attempt to send it.
    pub id: Uuid,
    /// The time at which it is sent.
    pub at: Timestamp,
    pub to: Email,
    /// The name of the recipient.
    pub name: PersonName,
    pub content: MailContent,
}

/// What a mail says.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailContent {
    EmailVerification { token: AccountSecret },
    PasswordReset { token: AccountSecret },
    PasswordChanged { at: Timestamp },
    NewLogin { at: Timestamp, device: Device },
    OrderConfirmation { order: Box<Order> },
    OrderStatus { order: Box<Order>, status: OrderStatus },
    WebhookDeactivated { webhook: WebhookId, url: WebhookUrl },
}

impl MailContent {
    /// The kind of the mail.
    pub const fn kind(&self) -> MailKind {
        match self {
            Self::EmailVerification { .. } => MailKind::EmailVerification,
            Self::PasswordReset { .. } => MailKind::PasswordReset,
            Self::PasswordChanged { .. } => MailKind::PasswordChanged,
            Self::NewLogin { .. } => MailKind::NewLogin,
            Self::OrderConfirmation { .. } => MailKind::OrderConfirmation,
            Self::OrderStatus { .. } => MailKind::OrderStatus,
            Self::WebhookDeactivated { .. } => MailKind::WebhookDeactivated,
        }
    }
}
