//! Headers and parts of a mail.

use entrepot_domain::{
    Email,
    mail::{Mail, MailError},
};
use lettre::{
    Address, Message,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};

use crate::{Sender, letter};

/// What all mails have in common.
#[derive(Debug, Clone)]
pub struct MessageSettings {
    /// Who sends them.
    pub sender: Sender,
    /// What links begin with.
    pub public_url: String,
}

const KIND: HeaderName = HeaderName::new_from_ascii_str("X-Entrepot-Mail");
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// Writes a mail as it is sent.
pub(crate) fn message(mail: &Mail, settings: &MessageSettings) -> Result<Message, MailError> {
    let letter = letter::write(mail, &settings.public_url).map_err(|_| refused("its template failed"))?;
    let to = Mailbox::new(Some(mail.name.as_str().to_owned()), address(&mail.to)?);
    let header = |name: HeaderName, value: &str| HeaderValue::new(name, value.to_owned());
    Message::builder()
        .from(settings.sender.mailbox().ok_or_else(|| refused("MAIL_FROM is no address"))?)
        .to(to)
        .subject(letter.subject)
        .date(mail.at.into())
        .message_id(Some(format!("<{}@{}>", mail.id, settings.sender.domain())))
        .raw_header(header(KIND, mail.content.kind().as_str()))
        // Out-of-office replies are not sent to it (RFC 3834).
        .raw_header(header(AUTO_SUBMITTED, "auto-generated"))
        .multipart(
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, letter.text)?)
                .singlepart(part(ContentType::TEXT_HTML, letter.html)?),
        )
        .map_err(|_| refused("it cannot be written as a message"))
}

/// The address with its domain as A-labels, which every server understands.
fn address(email: &Email) -> Result<Address, MailError> {
    let bad = || refused("the address is not one that mail can be sent to");
    let (local, host) = email.as_str().rsplit_once('@').ok_or_else(bad)?;
    let host = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
    Address::new(local, host).map_err(|_| bad())
}

/// A part as it is, if its characters and lines allow that.
fn part(content_type: ContentType, text: String) -> Result<SinglePart, MailError> {
    let body = Body::new_with_encoding(text.clone(), ContentTransferEncoding::SevenBit)
        .or_else(|_| Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable))
        .map_err(|_| refused("a part cannot be encoded"))?;
    Ok(SinglePart::builder().header(content_type).body(body))
}

fn refused(why: &str) -> MailError {
    MailError::Refused(why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use entrepot_domain::{
        Money, OrderId, ProductId, Timestamp, UserId, Version, WebhookId,
        account_token::AccountSecret,
        auth::Device,
        mail::{MailContent, MailKind},
        order::{Order, OrderLine, OrderStatus},
        product::{ProductName, Quantity, Sku},
        user::PersonName,
        webhook::WebhookUrl,
    };
    use mailparse::{MailHeaderMap, parse_mail};
    use uuid::Uuid;

    use super::*;

    const HOSTILE: &str = "<img src=x onerror=alert(1)> & \"q\" 'a' =?utf-8?q?x?=";

    fn now() -> Timestamp {
        Timestamp::from_timestamp_millis(1_700_000_000_123).unwrap()
    }

    fn settings() -> MessageSettings {
        let sender = Sender::parse("Shop <shop@shop.example>").unwrap();
        MessageSettings { sender, public_url: "https://shop.example".to_owned() }
    }

    fn order() -> Order {
        let price = Money::new(295, "GBP".parse().unwrap()).unwrap();
        let line = OrderLine {
            product: ProductId(Uuid::from_u128(1)),
            sku: Sku::parse("MUG").unwrap(),
            name: ProductName::parse(HOSTILE).unwrap(),
            quantity: Quantity::new(2).unwrap(),
            unit_price: price,
            line_total: price.times(2).unwrap(),
        };
        Order {
            id: OrderId(Uuid::from_u128(7)),
            user: UserId(Uuid::from_u128(1)),
            status: OrderStatus::Shipped,
            total: line.line_total,
            lines: vec![line],
            version: Version(3),
            created_at: now(),
            updated_at: now(),
        }
    }

    fn contents() -> Vec<MailContent> {
        let token = AccountSecret::from_random([7; 32]);
        let device = Device { user_agent: Some(HOSTILE.to_owned()), address: Some(Ipv4Addr::LOCALHOST.into()) };
        vec![
            MailContent::EmailVerification { token: token.clone() },
            MailContent::PasswordReset { token },
            MailContent::PasswordChanged { at: now() },
            MailContent::NewLogin { at: now(), device },
            MailContent::OrderConfirmation { order: Box::new(order()) },
            MailContent::OrderStatus { order: Box::new(order()), status: OrderStatus::Shipped },
            MailContent::WebhookDeactivated {
                webhook: WebhookId(Uuid::from_u128(3)),
                url: WebhookUrl::parse("https://example.com/<img%20src=x>").unwrap(),
            },
        ]
    }

    fn mail(content: MailContent) -> Mail {
        Mail {
            id: Uuid::from_u128(9),
            at: now(),
            to: Email::parse("zoë@münchen.example").unwrap(),
            name: PersonName::parse(HOSTILE).unwrap(),
            content,
        }
    }

    #[test]
    fn every_kind_has_a_text_and_escaped_html() {
        assert_eq!(contents().iter().map(MailContent::kind).collect::<Vec<_>>(), MailKind::ALL);
        for content in contents() {
            let kind = content.kind().as_str();
            let bytes = message(&mail(content), &settings()).unwrap().formatted();
            let parsed = parse_mail(&bytes).unwrap();
            let [text, html] = parsed.subparts.as_slice() else { panic!("{kind} has no two parts") };
            assert_eq!((text.ctype.mimetype.as_str(), html.ctype.mimetype.as_str()), ("text/plain", "text/html"));
            let (text, html) = (text.get_body().unwrap(), html.get_body().unwrap());
            assert!(text.contains(HOSTILE), "{kind}: {text}");
            assert!(!html.contains("<img") && !html.contains("\"q\""), "{kind}: {html}");
            assert!(html.contains("&#60;img"), "{kind}: {html}");
            assert_eq!(parsed.headers.get_all_values("X-Entrepot-Mail"), [kind]);
        }
    }

    #[test]
    fn headers_stand_once_and_the_identifier_is_stable() {
        let content = || contents().remove(0);
        let bytes = message(&mail(content()), &settings()).unwrap().formatted();
        assert_eq!(bytes.len(), message(&mail(content()), &settings()).unwrap().formatted().len());
        let parsed = parse_mail(&bytes).unwrap();
        let names: Vec<_> = parsed.headers.iter().map(mailparse::MailHeader::get_key).collect();
        for name in ["From", "To", "Subject", "Date", "Message-ID", "X-Entrepot-Mail", "Auto-Submitted", "MIME-Version"]
        {
            assert_eq!(names.iter().filter(|known| known.eq_ignore_ascii_case(name)).count(), 1, "{name} in {names:?}");
        }
        assert_eq!(names.len(), 9, "{names:?}");
        let value = |name| parsed.headers.get_first_value(name).unwrap();
        assert_eq!(value("Message-ID"), "<00000000-0000-0000-0000-000000000009@shop.example>");
        assert!(value("To").contains("xn--mnchen-3ya.example"), "{}", value("To"));
        assert!(value("Date").starts_with("Tue, 14 Nov 2023 22:13:20"), "{}", value("Date"));
    }

    #[test]
    fn orders_are_listed_with_their_amounts() {
        let write = |content| {
            let bytes = message(&mail(content), &settings()).unwrap().formatted();
            parse_mail(&bytes).unwrap().subparts[0].get_body().unwrap()
        };
        let text = write(MailContent::OrderConfirmation { order: Box::new(order()) });
        assert!(text.contains(&format!("2 x {HOSTILE} (MUG): 5.90 GBP")) && text.contains("Total: 5.90 GBP"), "{text}");
        let text = write(MailContent::OrderStatus { order: Box::new(order()), status: OrderStatus::Shipped });
        assert!(text.contains("your order 00000000-0000-0000-0000-000000000007 was shipped."), "{text}");
    }
}
