//! Sends mails.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::{
    Clock, Fault, OrderId, UserId,
    account_token::{AccountSecret, TokenPurpose},
    job::Backoff,
    mail::{Mail, MailContent, MailError, MailTopic, Mailer},
    order::{Order, OrderRepository},
    user::{AccountTokenRepository, UserRepository},
};

use super::payload::MailPayload;
use crate::kind::{Attempt, Done, Failure, Kind, KindSettings};

/// The ports that [`SendMail`] holds.
pub struct SendMailPorts {
    pub mailer: Arc<dyn Mailer>,
    pub users: Arc<dyn UserRepository>,
    pub tokens: Arc<dyn AccountTokenRepository>,
    pub orders: Arc<dyn OrderRepository>,
    pub clock: Arc<dyn Clock>,
}

/// Sends a mail to the address that its user has now; none to erased users, and none with a token that is good no more.
pub struct SendMail {
    ports: SendMailPorts,
}

impl SendMail {
    /// A server that accepts nothing is given up after about a day.
    pub(super) const SETTINGS: KindSettings = KindSettings {
        concurrency: 8,
        deadline: Duration::from_secs(40),
        max_attempts: 20,
        backoff: Backoff { first: Duration::from_secs(5), longest: Duration::from_hours(3) },
        schedule: None,
    };

    /// Sends mails with these ports.
    pub fn new(ports: SendMailPorts) -> Self {
        Self { ports }
    }

    /// What a mail about this says; `None` if it is not to be sent any more.
    async fn content(&self, user: UserId, topic: MailTopic) -> Result<Option<MailContent>, Fault> {
        Ok(match topic {
            MailTopic::EmailVerification { token } => {
                let is_live = self.is_live(&token, TokenPurpose::EmailVerification).await?;
                is_live.then_some(MailContent::EmailVerification { token })
            }
            MailTopic::PasswordReset { token } => {
                let is_live = self.is_live(&token, TokenPurpose::PasswordReset).await?;
                is_live.then_some(MailContent::PasswordReset { token })
            }
            MailTopic::PasswordChanged { at } => Some(MailContent::PasswordChanged { at }),
            MailTopic::NewLogin { at, device } => Some(MailContent::NewLogin { at, device }),
            MailTopic::OrderConfirmation { order } => {
                let order = self.order(user, order).await?;
                order.map(|order| MailContent::OrderConfirmation { order: Box::new(order) })
            }
            MailTopic::OrderStatus { order, status } => {
                let order = self.order(user, order).await?;
                order.map(|order| MailContent::OrderStatus { order: Box::new(order), status })
            }
            MailTopic::WebhookDeactivated { webhook, url } => Some(MailContent::WebhookDeactivated { webhook, url }),
        })
    }

    async fn is_live(&self, token: &AccountSecret, purpose: TokenPurpose) -> Result<bool, Fault> {
        let now = self.ports.clock.now();
        Ok(self.ports.tokens.owner(&token.hash(), purpose, now).await?.is_some())
    }

    async fn order(&self, user: UserId, id: OrderId) -> Result<Option<Order>, Fault> {
        Ok(self.ports.orders.find(id).await?.filter(|order| order.user == user))
    }
}

#[async_trait]
impl Kind for SendMail {
    const NAME: &'static str = "mail.send";
    type Payload = MailPayload;

    fn settings(&self) -> KindSettings {
        Self::SETTINGS
    }

    async fn run(&self, payload: MailPayload, attempt: Attempt) -> Result<Done, Failure> {
        let request = payload.request()?;
        let Some(user) = self.ports.users.find(request.user).await? else { return Ok(Done::Nothing) };
        let Some(content) = self.content(request.user, request.topic).await? else { return Ok(Done::Nothing) };
        let at = self.ports.clock.now();
        let mail = Mail { id: attempt.job.0, at, to: user.email, name: user.name, content };
        match self.ports.mailer.send(&mail).await {
            Ok(()) => Ok(Done::Succeeded),
            Err(MailError::Temporary(why)) => Err(Failure::later(&why)),
            Err(MailError::Refused(why)) => Err(Failure::fatal(&why)),
        }
    }
}
