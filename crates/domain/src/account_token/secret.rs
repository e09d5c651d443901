//! The secrets of account tokens.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Invalid, base62, token_hash::TokenHash};

/// A whole token: 32 random bytes as 43 digits and letters. Wiped from memory when dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountSecret(Zeroizing<String>);

impl AccountSecret {
    /// Encodes 32 random bytes as a token.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(base62::DIGITS));
        base62::push(&mut text, bytes);
        Self(text)
    }

    /// Parses a token.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if base62::is_of_32_bytes(text) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(Invalid::new("must be 43 digits and letters"))
        }
    }

    /// The hash that a store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Returns the token as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_parsed_back_and_never_printed() {
        let token = AccountSecret::from_random([9; 32]);
        assert_eq!(AccountSecret::parse(token.expose()).unwrap(), token);
        assert_ne!(token.hash(), AccountSecret::from_random([8; 32]).hash());
        assert!(!format!("{token:?}").contains(token.expose()));
        for bad in ["", "short", &format!("{}0", token.expose()), &"-".repeat(43)] {
            assert!(AccountSecret::parse(bad).is_err(), "{bad}");
        }
    }
}
