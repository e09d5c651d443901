//! Passwords and their hashes.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::Invalid;

/// The maximum factor by which normalisation form C lengthens UTF-8.
const MAX_GROWTH: usize = 3;

/// The maximum length that is normalised. A longer text never becomes one that is short enough.
const MAX_TYPED_BYTES: usize = 8 * PlainPassword::MAX_BYTES;

/// A valid password. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct PlainPassword(Zeroizing<String>);

impl PlainPassword {
    /// The minimum number of characters.
    pub const MIN_CHARS: usize = 8;
    /// The maximum number of bytes: bcrypt would ignore the rest, so that different passwords would match.
    pub const MAX_BYTES: usize = 72;

    /// Parses a new password: at least 8 characters, at most 72 bytes, no NUL (where bcrypt would stop).
    ///
    /// First it is normalised as RFC 8265 (`OpaqueString`) says, because keyboards differ in how they encode the same
    /// characters: every space becomes U+0020, and the text is converted to normalisation form C.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_TYPED_BYTES {
            return Err(too_long());
        }
        Self::checked(normalised(text))
    }

    /// The passwords that a typed text may stand for: normalised, and as it was typed if that differs, because old
    /// passwords were hashed without normalisation. Empty if the text is no valid password.
    pub fn candidates(typed: &str) -> Vec<Self> {
        if typed.len() > MAX_TYPED_BYTES {
            return Vec::new();
        }
        let normalised = normalised(typed);
        let as_typed = (*normalised != typed).then(|| Zeroizing::new(typed.to_owned()));
        [Some(normalised), as_typed].into_iter().flatten().filter_map(|text| Self::checked(text).ok()).collect()
    }

    fn checked(text: Zeroizing<String>) -> Result<Self, Invalid> {
        if text.chars().count() < Self::MIN_CHARS {
            return Err(Invalid::new("must be at least 8 characters long"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(too_long());
        }
        if text.contains('\0') {
            return Err(Invalid::new("must not contain NUL"));
        }
        Ok(Self(text))
    }

    /// Returns the password as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn too_long() -> Invalid {
    Invalid::new("must be at most 72 bytes long")
}

/// Normalises a text as RFC 8265 (`OpaqueString`) says.
fn normalised(text: &str) -> Zeroizing<String> {
    // Allocates enough at once: growing would leave copies in memory that are not wiped.
    let mut normalised = Zeroizing::new(String::with_capacity(text.len().saturating_mul(MAX_GROWTH)));
    normalised.extend(text.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc());
    normalised
}

/// General category `Zs`.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

impl fmt::Debug for PlainPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPassword(…)")
    }
}

/// A password hash in the hasher's format. Never printed.
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
    fn minimum_length_counts_characters_and_maximum_length_bytes() {
        assert!(PlainPassword::parse("ééééééé").is_err());
        assert!(PlainPassword::parse("éééééééé").is_ok());
        assert!(PlainPassword::parse(&"a".repeat(72)).is_ok());
        assert!(PlainPassword::parse(&"a".repeat(73)).is_err());
        assert!(PlainPassword::parse(&"é".repeat(37)).is_err());
        assert!(PlainPassword::parse("nul\0inside").is_err());
    }

    fn exposed(passwords: &[PlainPassword]) -> Vec<&str> {
        passwords.iter().map(PlainPassword::expose).collect()
    }

    #[test]
    fn password_is_normalised() {
        let decomposed = "Ame\u{301}lie et Zoe\u{308}";
        assert_eq!(PlainPassword::parse(decomposed).unwrap().expose(), "Am\u{e9}lie et Zo\u{eb}");
        assert_eq!(PlainPassword::parse("one\u{a0}two\u{3000}three").unwrap().expose(), "one two three");
        // Compatibility characters stay what they are: this is form C, not KC.
        assert_eq!(PlainPassword::parse("\u{fb01}ve \u{2460}\u{2461}\u{2462}\u{2463}").unwrap().expose().len(), 18);
        // Characters are counted after normalisation: four characters with an accent each are four.
        assert!(PlainPassword::parse(&"e\u{301}".repeat(4)).is_err());
        assert!(PlainPassword::parse(&"e\u{301}".repeat(36)).is_ok());
    }

    #[test]
    fn typed_text_may_stand_for_two_passwords() {
        let decomposed = "Ame\u{301}lie et Zoe\u{308}";
        assert_eq!(exposed(&PlainPassword::candidates(decomposed)), ["Am\u{e9}lie et Zo\u{eb}", decomposed]);
        assert_eq!(exposed(&PlainPassword::candidates("correct horse")), ["correct horse"]);
        // Valid only as typed, as it may have been hashed.
        let short = "e\u{301}".repeat(4);
        assert_eq!(exposed(&PlainPassword::candidates(&short)), [&short]);
        for bad in ["short", "nul\0inside", &"a".repeat(73), &"a".repeat(10_000_000)] {
            assert!(PlainPassword::candidates(bad).is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn normalising_is_idempotent_and_fits_its_capacity(text in ".{0,80}") {
            let once = normalised(&text);
            proptest::prop_assert!(once.len() <= text.len() * MAX_GROWTH);
            proptest::prop_assert_eq!(&*normalised(&once), &*once);
        }
    }

    #[test]
    fn it_is_never_printed() {
        let password = PlainPassword::parse("correct horse").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert!(!format!("{:?}", PasswordHash("$2b$10$secret".into())).contains("secret"));
    }
}
