//! What jobs that send mails are about.

use std::{net::IpAddr, str::FromStr};

use entrepot_domain::{
    Timestamp,
    account_token::AccountSecret,
    auth::Device,
    mail::{MailRequest, MailTopic},
    webhook::WebhookUrl,
};
use serde::{Deserialize, Serialize};

use crate::kind::Failure;

/// A [`MailRequest`] as jobs keep it.
#[derive(Serialize, Deserialize)]
pub struct MailPayload {
    user: String,
    topic: Topic,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Topic {
    EmailVerification { token: String },
    PasswordReset { token: String },
    PasswordChanged { at: i64 },
    NewLogin { at: i64, user_agent: Option<String>, address: Option<IpAddr> },
    OrderConfirmation { order: String },
    OrderStatus { order: String, status: String },
    WebhookDeactivated { webhook: String, url: String },
}

impl From<&MailRequest> for MailPayload {
    fn from(request: &MailRequest) -> Self {
        let topic = match &request.topic {
            MailTopic::EmailVerification { token } => Topic::EmailVerification { token: token.expose().to_owned() },
            MailTopic::PasswordReset { token } => Topic::PasswordReset { token: token.expose().to_owned() },
            MailTopic::PasswordChanged { at } => Topic::PasswordChanged { at: at.timestamp_millis() },
            MailTopic::NewLogin { at, device } => Topic::NewLogin {
                at: at.timestamp_millis(),
                user_agent: device.user_agent.clone(),
                address: device.address,
            },
            MailTopic::OrderConfirmation { order } => Topic::OrderConfirmation { order: order.to_string() },
            MailTopic::OrderStatus { order, status } => {
                Topic::OrderStatus { order: order.to_string(), status: status.as_str().to_owned() }
            }
            MailTopic::WebhookDeactivated { webhook, url } => {
                Topic::WebhookDeactivated { webhook: webhook.to_string(), url: url.as_str().to_owned() }
            }
        };
        Self { user: request.user.to_string(), topic }
    }
}

impl MailPayload {
    /// Reads the request.
    pub(super) fn request(self) -> Result<MailRequest, Failure> {
        let topic = match self.topic {
            Topic::EmailVerification { token } => MailTopic::EmailVerification { token: secret(&token)? },
            Topic::PasswordReset { token } => MailTopic::PasswordReset { token: secret(&token)? },
            Topic::PasswordChanged { at } => MailTopic::PasswordChanged { at: moment(at)? },
            Topic::NewLogin { at, user_agent, address } => {
                MailTopic::NewLogin { at: moment(at)?, device: Device { user_agent, address } }
            }
            Topic::OrderConfirmation { order } => MailTopic::OrderConfirmation { order: parsed(&order)? },
            Topic::OrderStatus { order, status } => {
                MailTopic::OrderStatus { order: parsed(&order)?, status: parsed(&status)? }
            }
            Topic::WebhookDeactivated { webhook, url } => MailTopic::WebhookDeactivated {
                webhook: parsed(&webhook)?,
                url: WebhookUrl::parse(&url).map_err(|_| unreadable())?,
            },
        };
        Ok(MailRequest { user: parsed(&self.user)?, topic })
    }
}

fn unreadable() -> Failure {
    Failure::fatal("its payload cannot be read")
}

fn parsed<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| unreadable())
}

fn secret(text: &str) -> Result<AccountSecret, Failure> {
    AccountSecret::parse(text).map_err(|_| unreadable())
}

fn moment(millis: i64) -> Result<Timestamp, Failure> {
    Timestamp::from_timestamp_millis(millis).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{OrderId, UserId, WebhookId, order::OrderStatus};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn requests_are_read_back() {
        let at = Timestamp::from_timestamp_millis(1_700_000_000_123).unwrap();
        let token = AccountSecret::from_random([7; 32]);
        let device = Device { user_agent: Some("agent".to_owned()), address: Some([127, 0, 0, 1].into()) };
        let order = OrderId(Uuid::from_u128(5));
        for topic in [
            MailTopic::EmailVerification { token: token.clone() },
            MailTopic::PasswordReset { token },
            MailTopic::PasswordChanged { at },
            MailTopic::NewLogin { at, device },
            MailTopic::NewLogin { at, device: Device::default() },
            MailTopic::OrderConfirmation { order },
            MailTopic::OrderStatus { order, status: OrderStatus::Shipped },
            MailTopic::WebhookDeactivated {
                webhook: WebhookId(Uuid::from_u128(9)),
                url: WebhookUrl::parse("https://example.com/hook?key=1").unwrap(),
            },
        ] {
            let request = MailRequest { user: UserId(Uuid::from_u128(1)), topic };
            let text = serde_json::to_string(&MailPayload::from(&request)).unwrap();
            let payload: MailPayload = serde_json::from_str(&text).unwrap();
            assert_eq!(payload.request().unwrap(), request);
        }
    }
}
