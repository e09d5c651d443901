//! What mails say: one template for the text and one for the HTML of each kind.

use askama::Template;
use entrepot_domain::{
    Money, Timestamp,
    mail::{Mail, MailContent},
    order::{Order, OrderStatus},
};

use crate::link;

/// The pages that links lead to.
const VERIFY_PAGE: &str = "verify-email";
const RESET_PAGE: &str = "reset-password";

/// A mail in words.
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// Defines the two templates of a kind over the same view.
macro_rules! templates {
    ($($view:ident: $text:ident $text_file:tt, $html:ident $html_file:tt;)+) => {
        $(
            #[derive(Template)]
            #[template(path = $text_file)]
            struct $text<'a> {
                mail: &'a $view,
            }

            #[derive(Template)]
            #[template(path = $html_file)]
            struct $html<'a> {
                mail: &'a $view,
            }

            impl $view {
                fn letter(&self, subject: impl Into<String>) -> Result<Letter, askama::Error> {
                    let text = $text { mail: self }.render()?;
                    let html = $html { mail: self }.render()?;
                    Ok(Letter { subject: subject.into(), text, html })
                }
            }
        )+
    };
}

templates! {
    Verification: VerificationText "email_verification.txt", VerificationHtml "email_verification.html";
    Reset: ResetText "password_reset.txt", ResetHtml "password_reset.html";
    Changed: ChangedText "password_changed.txt", ChangedHtml "password_changed.html";
    Login: LoginText "new_login.txt", LoginHtml "new_login.html";
    Confirmation: ConfirmationText "order_confirmation.txt", ConfirmationHtml "order_confirmation.html";
    Status: StatusText "order_status.txt", StatusHtml "order_status.html";
    Deactivated: DeactivatedText "webhook_deactivated.txt", DeactivatedHtml "webhook_deactivated.html";
}

struct Verification {
    name: String,
    link: String,
}

struct Reset {
    name: String,
    link: String,
}

struct Changed {
    name: String,
    at: String,
}

struct Login {
    name: String,
    at: String,
    device: String,
    address: String,
}

struct Line {
    quantity: u32,
    name: String,
    sku: String,
    total: String,
}

struct Confirmation {
    name: String,
    order: String,
    lines: Vec<Line>,
    total: String,
}

struct Status {
    name: String,
    order: String,
    happened: &'static str,
    total: String,
}

struct Deactivated {
    name: String,
    webhook: String,
    url: String,
}

/// Writes a mail.
pub(crate) fn write(mail: &Mail, public_url: &str) -> Result<Letter, askama::Error> {
    let name = mail.name.as_str().to_owned();
    match &mail.content {
        MailContent::EmailVerification { token } => {
            let link = link::with_token(public_url, VERIFY_PAGE, token);
            Verification { name, link }.letter("Please confirm your email address")
        }
        MailContent::PasswordReset { token } => {
            Reset { name, link: link::with_token(public_url, RESET_PAGE, token) }.letter("Choose a new password")
        }
        MailContent::PasswordChanged { at } => Changed { name, at: moment(*at) }.letter("Your password was changed"),
        MailContent::NewLogin { at, device } => {
            let address = device.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
            let device = device.user_agent.clone().unwrap_or_else(|| "unknown".to_owned());
            Login { name, at: moment(*at), device, address }.letter("A login from a new device")
        }
        MailContent::OrderConfirmation { order } => {
            confirmation(name, order).letter(format!("Your order {}", order.id))
        }
        MailContent::OrderStatus { order, status } => {
            let happened = happened(*status);
            let view = Status { name, order: order.id.to_string(), happened, total: money(order.total) };
            view.letter(format!("Your order {} {happened}", order.id))
        }
        MailContent::WebhookDeactivated { webhook, url } => {
            let view = Deactivated { name, webhook: webhook.to_string(), url: url.as_str().to_owned() };
            view.letter("Your webhook was deactivated")
        }
    }
}

fn confirmation(name: String, order: &Order) -> Confirmation {
    let line = |line: &entrepot_domain::order::OrderLine| Line {
        quantity: line.quantity.get(),
        name: line.name.as_str().to_owned(),
        sku: line.sku.as_str().to_owned(),
        total: money(line.line_total),
    };
    Confirmation {
        name,
        order: order.id.to_string(),
        lines: order.lines.iter().map(line).collect(),
        total: money(order.total),
    }
}

/// What happened to an order that came into this status; follows "Your order".
const fn happened(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "was placed",
        OrderStatus::Paid => "was paid",
        OrderStatus::Shipped => "was shipped",
        OrderStatus::Delivered => "was delivered",
        OrderStatus::Cancelled => "was cancelled",
        OrderStatus::Refunded => "was refunded",
    }
}

fn moment(at: Timestamp) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// An amount in units of its currency: `2.95 GBP`.
fn money(money: Money) -> String {
    let (digits, amount) = (money.currency().digits(), money.amount().unsigned_abs());
    let sign = if money.amount() < 0 { "-" } else { "" };
    let unit = 10_u64.saturating_pow(digits);
    let (whole, part) = (amount / unit, amount % unit);
    match usize::try_from(digits) {
        Ok(width @ 1..) => format!("{sign}{whole}.{part:0width$} {}", money.currency()),
        _ => format!("{sign}{whole} {}", money.currency()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        let of = |amount, currency: &str| money(Money::new(amount, currency.parse().unwrap()).unwrap());
        assert_eq!(
            (of(295, "GBP"), of(5, "GBP"), of(500, "JPY")),
            ("2.95 GBP".into(), "0.05 GBP".into(), "500 JPY".into())
        );
    }
}
