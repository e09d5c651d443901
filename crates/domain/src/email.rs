//! Addresses of people.

use std::fmt;

use crate::{Invalid, text::fold};

/// An email address that can plausibly be delivered to: trimmed, as its owner writes it.
///
/// Stricter than RFC 5321 where that allows what nobody has (quoted local parts, address literals, a host without a
/// dot), so that a typing error is caught at sign-up. Two addresses that differ in case alone are one user's: compare
/// [`Email::folded`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

const MAX_LOCAL: usize = 64;
const MAX_LENGTH: usize = 254;

impl Email {
    /// Parses an address; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let bad = || Invalid::new("must be an email address");
        if text.len() > MAX_LENGTH {
            return Err(Invalid::new("must be at most 254 characters long"));
        }
        let (local, host) = text.rsplit_once('@').ok_or_else(bad)?;
        if is_local(local) && is_host(host) { Ok(Self(text.to_owned())) } else { Err(bad()) }
    }

    /// The address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as it counts for uniqueness: its case folded.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

fn is_local(local: &str) -> bool {
    // RFC 5322 3.2.3: dot-atom; RFC 6531 adds letters of every script.
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    !local.is_empty()
        && local.len() <= MAX_LOCAL
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let Some((_, top)) = host.rsplit_once('.') else {
        return false;
    };
    host.split('.').all(label) && top.chars().count() >= 2 && !top.chars().all(|c| c.is_ascii_digit())
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_people_have_and_trims_it() {
        for good in ["a@b.io", " Ada.Lovelace+tag@example.co.uk ", "o'neil@x-y.org", "søren@blåbær.dk"] {
            assert_eq!(Email::parse(good).unwrap().as_str(), good.trim());
        }
    }

    #[test]
    fn refuses_what_nobody_has() {
        for bad in [
            "",
            "a",
            "a@",
            "@b.io",
            "abc@bar",
            "..a@x.y",
            "a..b@x.io",
            "a.@x.io",
            "a@-x.io",
            "a@x-.io",
            "a@x..io",
            "a b@x.io",
            "a@x.io\r\nBcc: b@x.io",
            "a\0@x.io",
            "a@b@c.io",
            "a@127.0.0.1",
            "a@x.y",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@x.io", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}io", "abc.".repeat(80))).is_err());
    }

    #[test]
    fn case_does_not_make_another_address() {
        let folded = |text| Email::parse(text).unwrap().folded();
        assert_eq!(folded("ADA@Example.COM"), folded("ada@example.com"));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_taken_is_an_address_and_is_taken_again(
            text in proptest::prop_oneof![".*", "[a-zA-Z0-9.+@ \\-é\r\n\0\"]{0,40}", "[a-z.]{1,70}@[a-z0-9.-]{1,70}\\.[a-z]{1,5}"]
        ) {
            let Ok(email) = Email::parse(&text) else { return Ok(()) };
            let (local, host) = email.as_str().split_once('@').unwrap();
            proptest::prop_assert!(email.as_str().len() <= 254 && !local.is_empty() && host.contains('.'));
            proptest::prop_assert!(!email.as_str().contains(|c: char| c.is_control() || c.is_whitespace() || "\",;<>".contains(c)));
            proptest::prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email);
        }
    }
}
