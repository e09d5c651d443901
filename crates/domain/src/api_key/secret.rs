//! The secret of a key.

use std::{fmt, str::FromStr};

use zeroize::Zeroizing;

use crate::{Invalid, token_hash::TokenHash};

/// What every key begins with, so that people and scanners know one when they see it.
const TOKEN_PREFIX: &str = "ek_";

/// Digits and letters alone: a key is selected with a double click, and goes into any header, file or variable.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// As many digits to the base of 62 as 32 bytes need.
const DIGITS: usize = 43;

/// A key as its user holds it: `ek_` and 32 random bytes in 43 digits and letters. Wiped from memory when dropped, and
/// never printed.
#[derive(Clone)]
pub struct ApiKeySecret(Zeroizing<String>);

impl ApiKeySecret {
    /// Whether a token is one of this kind, whatever else is wrong with it.
    pub fn is_candidate(token: &str) -> bool {
        token.starts_with(TOKEN_PREFIX)
    }

    /// The key made of 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let mut number = Zeroizing::new(bytes);
        let mut key = Zeroizing::new(String::with_capacity(TOKEN_PREFIX.len() + DIGITS));
        key.push_str(TOKEN_PREFIX);
        for _ in 0..DIGITS {
            // The number divided by 62, as on paper; what remains is the next digit.
            let mut rest: u32 = 0;
            for byte in number.iter_mut() {
                let value = rest * 256 + u32::from(*byte);
                *byte = u8::try_from(value / 62).unwrap_or_default();
                rest = value % 62;
            }
            let digit = usize::try_from(rest).ok().and_then(|rest| ALPHABET.get(rest));
            key.push(char::from(digit.copied().unwrap_or_default()));
        }
        Self(key)
    }

    /// Reads a key as it was sent; a text of another form is no key.
    pub fn parse(token: &str) -> Result<Self, Invalid> {
        let digits = token.strip_prefix(TOKEN_PREFIX).unwrap_or_default();
        if digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(Zeroizing::new(token.to_owned())))
        } else {
            Err(Invalid::new("must be ek_ and 43 digits and letters"))
        }
    }

    /// The part that may be seen, and that finds the key.
    pub fn prefix(&self) -> KeyPrefix {
        let mut prefix = [0; KeyPrefix::LENGTH];
        for (to, from) in prefix.iter_mut().zip(self.0.bytes().skip(TOKEN_PREFIX.len())) {
            *to = from;
        }
        KeyPrefix(prefix)
    }

    /// All that a store may keep of the rest.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(…)")
    }
}

/// What a key begins with, beside its mark: enough to find it and to tell it from others (62^10 of them), and nothing to
/// guess it by, for 195 bits are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix([u8; KeyPrefix::LENGTH]);

impl KeyPrefix {
    /// How many digits and letters it has.
    pub const LENGTH: usize = 10;

    /// Its digits and letters in ASCII.
    pub const fn bytes(self) -> [u8; Self::LENGTH] {
        self.0
    }

    /// The prefix of these digits and letters.
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
