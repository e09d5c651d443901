//! The values of a job.

use std::fmt;

use crate::Invalid;

/// The kind of a job: a name such as `orders.cancel_unpaid`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKind(Box<str>);

impl JobKind {
    /// The maximum number of characters of a name.
    pub const MAX_CHARS: usize = 64;

    /// Parses a name: lower-case letters, digits, `_` and `.`, a letter first.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'.');
        let begins = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase());
        if !begins || text.len() > Self::MAX_CHARS || !text.bytes().all(good) {
            return Err(Invalid::new("must be a name like orders.cancel_unpaid, of 64 characters at most"));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for JobKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The input of a job. The queue stores the text unchanged. It may hold secrets, so it is never shown, and it is
/// deleted when the job succeeds or is cancelled.
#[derive(Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Payload {
    /// The version of the text's format: jobs may have been queued by an older or a newer program.
    pub version: u16,
    pub text: String,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The priority among jobs of a kind: those with a greater number start first. The default is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(pub i16);

/// A key that is unique among the waiting and running jobs of a kind: no second job with the same key is queued.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UniqueKey(String);

impl UniqueKey {
    /// Parses a key of 1 to 200 bytes of visible ASCII.
    pub fn parse(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        if text.is_empty() || text.len() > 200 || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(Invalid::new("must be 1 to 200 visible ASCII characters"));
        }
        Ok(Self(text))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The trace of a job: a `traceparent` of W3C Trace Context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Parses a version, trace, span and flags, in lower-case hexadecimal digits.
    pub fn parse(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        let hex = |part: &str| part.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        if lengths != [2, 32, 16, 2] || !parts.into_iter().all(hex) {
            return Err(Invalid::new("must be a traceparent of 55 characters"));
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The error of a failed attempt, shown to admins: one line of at most 500 characters. It must not contain a payload,
/// address or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorText(String);

impl ErrorText {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 500;

    /// Truncates a text to the maximum, and replaces each control character by a space.
    pub fn new(text: &str) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        Self(text.chars().take(Self::MAX_CHARS).map(plain).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_names() {
        assert_eq!(JobKind::parse("orders.cancel_unpaid").unwrap().as_str(), "orders.cancel_unpaid");
        for bad in ["", "1st", "Orders", "a b", ".a", "ä", &"a".repeat(65)] {
            assert!(JobKind::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn unique_keys_are_visible_and_bounded() {
        assert_eq!(UniqueKey::parse("order-7").unwrap().as_str(), "order-7");
        for bad in [String::new(), "a b".to_owned(), "ä".to_owned(), "a".repeat(201)] {
            assert!(UniqueKey::parse(bad.clone()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn trace_parent_has_four_parts() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceParent::parse(good).unwrap().as_str(), good);
        for bad in ["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", &good.to_uppercase(), &good[1..]] {
            assert!(TraceParent::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn payload_is_not_shown_by_debug() {
        let payload = Payload { version: 2, text: "hush".to_owned() };
        assert!(!format!("{payload:?}").contains("hush"));
    }

    #[test]
    fn error_is_one_line_of_bounded_length() {
        assert_eq!(ErrorText::new("a\nb\0c").as_str(), "a b c");
        assert_eq!(ErrorText::new(&"ä".repeat(501)).as_str().chars().count(), 500);
    }
}
