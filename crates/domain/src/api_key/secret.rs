//! The secrets of API keys.

use std::{fmt, str::FromStr};

use zeroize::Zeroizing;

use crate::{Invalid, base62, token_hash::TokenHash};

/// The prefix of every key, so that people and secret scanners recognise it.
const TOKEN_PREFIX: &str = "ek_";

/// The whole key: `ek_` and 32 random bytes as 43 digits and letters. Wiped from memory when dropped, and never
/// printed.
#[derive(Clone)]
pub struct ApiKeySecret(Zeroizing<String>);

impl ApiKeySecret {
    /// Returns whether a token has the prefix of API keys. It may still be malformed.
    pub fn is_candidate(token: &str) -> bool {
        token.starts_with(TOKEN_PREFIX)
    }

    /// Encodes 32 random bytes as a key.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let mut key = Zeroizing::new(String::with_capacity(TOKEN_PREFIX.len() + base62::DIGITS));
        key.push_str(TOKEN_PREFIX);
        base62::push(&mut key, bytes);
        Self(key)
    }

    /// Parses a key.
    pub fn parse(token: &str) -> Result<Self, Invalid> {
        let digits = token.strip_prefix(TOKEN_PREFIX).unwrap_or_default();
        if base62::is_of_32_bytes(digits) {
            Ok(Self(Zeroizing::new(token.to_owned())))
        } else {
            Err(Invalid::new("must be ek_ and 43 digits and letters"))
        }
    }

    /// The public part, which identifies the key.
    pub fn prefix(&self) -> KeyPrefix {
        let mut prefix = [0; KeyPrefix::LENGTH];
        for (to, from) in prefix.iter_mut().zip(self.0.bytes().skip(TOKEN_PREFIX.len())) {
            *to = from;
        }
        KeyPrefix(prefix)
    }

    /// The hash that a store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Returns the key as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(…)")
    }
}

/// The first characters of a key after `ek_`: enough to identify it (62^10 values). The remaining 195 bits cannot be
/// guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix([u8; KeyPrefix::LENGTH]);

impl KeyPrefix {
    /// Its length in digits and letters.
    pub const LENGTH: usize = 10;

    /// Its characters in ASCII.
    pub const fn bytes(self) -> [u8; Self::LENGTH] {
        self.0
    }

    /// Creates a prefix from its characters.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        match <[u8; Self::LENGTH]>::try_from(bytes) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_alphanumeric) => Ok(Self(bytes)),
            _ => Err(Invalid::new("must be ek_ and 10 digits and letters")),
        }
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TOKEN_PREFIX)?;
        f.write_str(str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl FromStr for KeyPrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::from_bytes(text.strip_prefix(TOKEN_PREFIX).unwrap_or_default().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_encodes_its_bytes_in_base_62() {
        let mut three = [0; 32];
        three[30] = 1;
        let expected = format!("ek_84{}", "0".repeat(41));
        assert_eq!(ApiKeySecret::from_random(three).expose(), expected, "256 is 4 times 62 and 8");
        let most = ApiKeySecret::from_random([255; 32]);
        assert_eq!(ApiKeySecret::parse(most.expose()).unwrap().expose(), most.expose());
        assert!(most.expose().bytes().skip(3).any(|digit| digit != b'0'));
        assert_ne!(most.prefix(), ApiKeySecret::from_random([254; 32]).prefix());
    }

    #[test]
    fn prefix_is_the_start_of_the_key() {
        let key = ApiKeySecret::from_random([7; 32]);
        let prefix = key.prefix();
        assert!(key.expose().starts_with(&prefix.to_string()));
        assert_eq!(prefix.to_string().parse(), Ok(prefix));
        assert_eq!(KeyPrefix::from_bytes(&prefix.bytes()), Ok(prefix));
        for bad in ["", "ek_", "ek_12345678", "ek_12345678é", "xk_1234567890", "ek_12345678901", "1234567890"] {
            assert!(bad.parse::<KeyPrefix>().is_err(), "{bad}");
        }
    }

    #[test]
    fn malformed_keys_are_refused() {
        let good = ApiKeySecret::from_random([9; 32]);
        let good = good.expose();
        for bad in ["", "ek_", "ek_short", &format!("{good}0"), &good[..45], &good.replace("ek_", "EK_"), &good[3..]] {
            assert!(ApiKeySecret::parse(bad).is_err(), "{bad}");
        }
        assert!(ApiKeySecret::parse(&format!("ek_{}", "-".repeat(43))).is_err());
        assert!(ApiKeySecret::is_candidate("ek_short") && !ApiKeySecret::is_candidate("eyJ0eXAi"));
    }

    #[test]
    fn it_is_never_printed() {
        let key = ApiKeySecret::from_random([9; 32]);
        assert!(!format!("{key:?}").contains(&key.expose()[3..]));
    }
}
