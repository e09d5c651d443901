//! Who sends the mails.

use std::str::FromStr;

use lettre::message::Mailbox;

/// An address, with or without a name, that stands in `From`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: String,
}

impl Default for Sender {
    /// `Entrepot <no-reply@localhost>`.
    fn default() -> Self {
        Self { name: Some("Entrepot".to_owned()), address: "no-reply@localhost".to_owned() }
    }
}

impl Sender {
    /// Parses `shop@example.com` or `Shop <shop@example.com>`. The error follows the name of the setting.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || "must be an address like shop@example.com or Shop <shop@example.com>".to_owned();
        if text.chars().any(char::is_control) {
            return Err(bad());
        }
        let Mailbox { name, email, .. } = Mailbox::from_str(text).map_err(|_| bad())?;
        Ok(Self { name, address: email.to_string() })
    }

    /// The same as a header has it; `None` if it is no address.
    pub(crate) fn mailbox(&self) -> Option<Mailbox> {
        Some(Mailbox::new(self.name.clone(), self.address.parse().ok()?))
    }

    /// The part of the address after the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_has_an_address_and_perhaps_a_name() {
        assert_eq!(Sender::parse("Shop <shop@example.com>").unwrap().domain(), "example.com");
        assert_eq!(Sender::parse("shop@localhost").unwrap().domain(), "localhost");
        assert_eq!(Sender::parse("Entrepot <no-reply@localhost>").unwrap(), Sender::default());
        assert!(Sender::default().mailbox().is_some());
        for bad in ["", "shop", "Shop <shop>", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example"] {
            assert!(Sender::parse(bad).is_err(), "{bad:?}");
        }
    }
}
