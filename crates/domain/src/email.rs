//! Email addresses.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::{Invalid, UserId};

/// A plausible email address, trimmed, as its owner writes it.
///
/// Stricter than RFC 5321 where that allows what nobody uses (quoted local parts, address literals, hosts without a
/// dot), so that a typing error is found at registration. Addresses that differ only in case, or in the encoding of
/// their domain, belong to the same user: compare [`Email::folded`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

const MAX_LOCAL_BYTES: usize = 64;
const MAX_BYTES: usize = 254;
const MAX_LABEL_BYTES: usize = 63;

impl Email {
    /// Parses an address and trims it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let bad = || Invalid::new("must be an email address");
        if text.len() > MAX_BYTES {
            return Err(Invalid::new("must be at most 254 characters long"));
        }
        let (local, host) = text.rsplit_once('@').ok_or_else(bad)?;
        if is_local(local) && is_host(host) { Ok(Self(text.to_owned())) } else { Err(bad()) }
    }

    /// Returns the address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form that is compared for uniqueness: in lower case, the local part in normalisation form C, the
    /// domain as A-labels (RFC 5890), such as `xn--mnchen-3ya.example` for `münchen.example`.
    ///
    /// Stores keep this form. A change of it needs a migration that folds the stored addresses again.
    pub fn folded(&self) -> String {
        match self.0.rsplit_once('@') {
            Some((local, host)) if !self.0.is_ascii() => {
                let mut folded: String = local.to_lowercase().nfc().collect();
                folded.push('@');
                folded.push_str(&a_label(host));
                folded
            }
            _ => self.0.to_ascii_lowercase(),
        }
    }

    /// Returns what a store keeps instead if another account has the same folded address, as can happen when
    /// [`Email::folded`] begins to treat two addresses as equal. It never equals a folded address, because a domain
    /// contains no `#`.
    ///
    /// It sorts immediately before the folded address, so that lists continue correctly after the account.
    pub fn folded_duplicate(&self, id: UserId) -> String {
        let mut folded = self.folded();
        folded.pop();
        format!("{folded}#{id}")
    }
}

/// The A-label form of a domain. Only lower-cased if IDNA does not allow the domain, as some accounts may have one.
fn a_label(host: &str) -> String {
    idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_lowercase())
}

fn is_local(local: &str) -> bool {
    // RFC 5322 3.2.3: dot-atom; RFC 6531 adds characters of all scripts.
    let first = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let part = |part: &str| part.starts_with(first) && part.chars().all(|c| first(c) || is_mark(c));
    !local.is_empty() && local.len() <= MAX_LOCAL_BYTES && local.split('.').all(part)
}

/// A combining mark (`Mn`, `Mc`; RFC 5892 2.1), which has to follow a character.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && matches!(c.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || is_mark(c))
    };
    let Some((_, top)) = host.rsplit_once('.') else {
        return false;
    };
    host.split('.').all(label)
        && top.chars().count() >= 2
        && !top.chars().all(|c| c.is_ascii_digit())
        && (is_plain(host) || idna::domain_to_ascii_strict(host).is_ok())
}

/// Returns whether the A-label form of a host need not be checked: its labels are short, and none has a combining mark.
fn is_plain(host: &str) -> bool {
    host.split('.').all(|label| label.len() <= MAX_LABEL_BYTES)
        && host.chars().all(|c| c.is_alphanumeric() || !is_mark(c))
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
    fn common_emails_are_accepted_and_trimmed() {
        for good in ["a@b.io", " Ada.Lovelace+tag@example.co.uk ", "o'neil@x-y.org", "søren@blåbær.dk"] {
            assert_eq!(Email::parse(good).unwrap().as_str(), good.trim());
        }
    }

    #[test]
    fn implausible_emails_are_refused() {
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
    fn email_is_compared_without_case() {
        let folded = |text| Email::parse(text).unwrap().folded();
        assert_eq!(folded("ADA@Example.COM"), folded("ada@example.com"));
    }

    #[test]
    fn combining_mark_has_to_follow_a_character() {
        for good in ["संपर्क@डाटामेल.भारत", "e\u{301}ve@x.io", "อีเมล@ตัวอย่าง.ไทย"]
        {
            assert_eq!(Email::parse(good).unwrap().as_str(), good);
        }
        for bad in ["\u{301}a@x.io", "a.\u{301}@x.io", "a@\u{301}x.io", "a\u{20dd}@x.io"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn email_is_compared_without_the_encoding_of_its_domain() {
        let folded = |text| Email::parse(text).unwrap().folded();
        assert_eq!(folded("x@MÜNCHEN.example"), "x@xn--mnchen-3ya.example");
        assert_eq!(folded("x@XN--mnchen-3ya.example"), "x@xn--mnchen-3ya.example");
        assert_eq!(folded("x@mu\u{308}nchen.example"), "x@xn--mnchen-3ya.example");
        assert_eq!(folded("Zoe\u{308}@x.io"), folded("zoë@x.io"));
        assert_eq!(folded("संपर्क@डाटामेल.भारत"), "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c");
        // The displayed form is kept.
        assert_eq!(Email::parse("x@MÜNCHEN.example").unwrap().as_str(), "x@MÜNCHEN.example");
    }

    #[test]
    fn folded_duplicate_is_no_email_and_sorts_before_it() {
        let email = Email::parse("x@MÜNCHEN.example").unwrap();
        let duplicate = email.folded_duplicate(UserId(uuid::Uuid::nil()));
        assert!(Email::parse(&duplicate).is_err(), "{duplicate}");
        assert!(duplicate < email.folded(), "{duplicate}");
    }

    proptest::proptest! {
        #[test]
        fn accepted_emails_are_plausible_and_accepted_again(
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
