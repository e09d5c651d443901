//! Passwords, plain for as short as may be.

use std::fmt;

use zeroize::Zeroizing;

use crate::Invalid;

/// A password as it was typed. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct PlainPassword(Zeroizing<String>);

impl PlainPassword {
    /// The fewest characters.
    pub const MIN_CHARS: usize = 8;
    /// The most bytes: bcrypt would cut off the rest, and two passwords would be one.
    pub const MAX_BYTES: usize = 72;

    /// Parses a password for an account: 8 characters or more, at most 72 bytes, no NUL (at which bcrypt would stop).
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.chars().count() < Self::MIN_CHARS {
            return Err(Invalid::new("must be at least 8 characters long"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::new("must be at most 72 bytes long"));
        }
        if text.contains('\0') {
            return Err(Invalid::new("must not contain NUL"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPassword(…)")
    }
}

/// What a password is checked against, in the hasher's own format. Not printed either.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_make_it_long_enough_and_bytes_too_long() {
        assert!(PlainPassword::parse("ééééééé").is_err());
        assert!(PlainPassword::parse("éééééééé").is_ok());
        assert!(PlainPassword::parse(&"a".repeat(72)).is_ok());
        assert!(PlainPassword::parse(&"a".repeat(73)).is_err());
        assert!(PlainPassword::parse(&"é".repeat(37)).is_err());
        assert!(PlainPassword::parse("nul\0inside").is_err());
    }

    #[test]
    fn it_is_never_printed() {
        let password = PlainPassword::parse("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert!(!format!("{:?}", PasswordHash("$2b$10$secret".into())).contains("secret"));
    }
}
