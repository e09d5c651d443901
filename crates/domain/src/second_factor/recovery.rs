//! Recovery codes, each of which is accepted once.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::base32;
use crate::{Invalid, UserId};

/// A recovery code: 80 random bits as sixteen characters, in groups of four. It cannot be guessed, even from its hash.
/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// The number of codes that are generated together.
    pub const COUNT: usize = 10;

    const LETTERS: usize = 16;
    const BYTES: usize = 10;

    /// Creates the codes from random bytes. Each takes ten bytes, and each block has enough for three, so four blocks
    /// suffice.
    pub fn from_random(random: &[[u8; 32]; 4]) -> Vec<Self> {
        let all = random.iter().flat_map(|bytes| bytes.chunks_exact(Self::BYTES));
        all.take(Self::COUNT).map(|bytes| Self(Zeroizing::new(base32::encode(bytes)))).collect()
    }

    /// Parses a code, ignoring case, spaces and hyphens.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let letters = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase());
        let code: Zeroizing<String> = Zeroizing::new(letters.take(Self::LETTERS + 1).collect());
        if code.len() == Self::LETTERS && code.bytes().all(base32::is_letter) {
            Ok(Self(code))
        } else {
            Err(Invalid::new("must be a recovery code"))
        }
    }

    /// Formats it as `ABCD-EFGH-IJKL-MNOP`.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(Self::LETTERS + 3));
        for (place, letter) in self.0.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// The hash that a store keeps. It includes the user, so that it matches no other user.
    pub fn hash(&self, user: UserId) -> RecoveryHash {
        let hash = Sha256::new().chain_update(b"entrepot recovery code\0").chain_update(user.0.as_bytes());
        RecoveryHash(hash.chain_update(self.0.as_bytes()).finalize().into())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// SHA-256 of a recovery code and its user.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoveryHash(pub [u8; 32]);

impl fmt::Debug for RecoveryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    fn codes() -> Vec<RecoveryCode> {
        RecoveryCode::from_random(
            &[1, 2, 3, 4].map(|n: u8| std::array::from_fn(|place| n * 32 + u8::try_from(place).unwrap())),
        )
    }

    #[test]
    fn ten_distinct_codes_are_created() {
        let texts: HashSet<_> = codes().iter().map(|code| code.text().to_string()).collect();
        assert_eq!(texts.len(), RecoveryCode::COUNT);
        assert!(texts.iter().all(|text| text.len() == 19 && text.split('-').all(|part| part.len() == 4)), "{texts:?}");
    }

    #[test]
    fn code_is_parsed_with_and_without_separators_in_any_case() {
        for code in codes() {
            let text = code.text();
            for typed in [text.to_string(), text.to_lowercase(), text.replace('-', ""), text.replace('-', " ")] {
                assert_eq!(RecoveryCode::parse(&typed).unwrap(), code);
            }
        }
        for bad in ["", "ABCD", "ABCD-EFGH-IJKL-MNO1", "ABCD-EFGH-IJKL-MNOPQ", "ÄBCD-EFGH-IJKL-MNOP"] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hash_depends_on_user_and_code() {
        let (ada, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let codes = codes();
        let hashes: HashSet<_> = codes.iter().flat_map(|code| [code.hash(ada), code.hash(bob)]).collect();
        assert_eq!(hashes.len(), 20);
        assert_eq!(format!("{:?} {:?}", codes[0], codes[0].hash(ada)), "RecoveryCode(…) RecoveryHash(…)");
    }
}
