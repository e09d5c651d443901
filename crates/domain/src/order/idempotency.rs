//! Idempotency keys.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Invalid, Timestamp};

/// A client's identifier of a request that it may repeat: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Parses the value of an `Idempotency-Key` header: bare, or as a quoted string (RFC 8941 3.3.3), which is the same
    /// key.
    pub fn parse(header: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("must be 1 to 255 visible ASCII characters");
        let header = header.trim();
        let key = match header.strip_prefix('"') {
            Some(rest) => unquote(rest.strip_suffix('"').ok_or_else(bad)?).ok_or_else(bad)?,
            None => header.to_owned(),
        };
        if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(key))
        } else {
            Err(bad())
        }
    }

    /// Returns the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Unescapes `\"` and `\\`, the only escapes; any other quote or backslash is an error.
fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => key.push(chars.next().filter(|next| matches!(next, '"' | '\\'))?),
            _ => key.push(c),
        }
    }
    Some(key)
}

/// The SHA-256 of a request, which distinguishes a repeated request from another one with the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Hashes a request in its canonical form.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// The idempotency record of a request. Keys of different users are independent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    pub key: IdempotencyKey,
    pub fingerprint: Fingerprint,
    /// How long the record is stored.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_and_quoted_keys_are_equal() {
        let key = |header| IdempotencyKey::parse(header).unwrap();
        assert_eq!(key("abc-1"), key("\"abc-1\""));
        assert_eq!(key(r#""a\"b\\c""#).as_str(), r#"a"b\c"#);
        assert_eq!(key(&"k".repeat(255)).as_str().len(), 255);
    }

    #[test]
    fn malformed_idempotency_keys_are_refused() {
        for bad in ["", "\"\"", "\"", "\"a", "\"a\"b\"", "a b", "a\tb", "é", r#""a\x""#, &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
