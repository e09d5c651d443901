//! Text values and search text.

use std::fmt;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::Invalid;

/// Trims a line of text and checks that it has 1 to `max` characters (not bytes), at least one of them visible, and no
/// control characters.
pub(crate) fn line(text: &str, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::new("must not be empty"));
    }
    let plain = is_plain(text);
    if text.len() > max && (plain || text.chars().count() > max) {
        return Err(Invalid::new(format!("must be at most {max} characters long")));
    }
    if !plain && text.chars().any(char::is_control) {
        return Err(Invalid::new("must not contain control characters"));
    }
    if !plain && !text.chars().any(is_visible) {
        return Err(Invalid::new("must have a visible character"));
    }
    Ok(text.to_owned())
}

/// Returns whether a character is visible by itself. White space, combining marks, format characters (zero-width spaces
/// and joiners, directions) and unassigned characters are not, and neither are the fillers, which Unicode classifies as
/// letters and symbols.
fn is_visible(c: char) -> bool {
    const FILLERS: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    let group = c.general_category_group();
    matches!(
        group,
        GeneralCategoryGroup::Letter
            | GeneralCategoryGroup::Number
            | GeneralCategoryGroup::Punctuation
            | GeneralCategoryGroup::Symbol
    ) && !FILLERS.contains(&c)
}

/// Returns whether a text has printable ASCII characters only, as most have. Every read of a cached product parses
/// three texts. Without an early return, this checks many bytes at a time.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

macro_rules! line_of_text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The maximum number of characters.
            pub const MAX_CHARS: usize = $max;

            /// Parses and trims it; control characters are refused.
            pub fn parse(text: &str) -> Result<Self, $crate::Invalid> {
                $crate::text::line(text, Self::MAX_CHARS).map(Self)
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use line_of_text;

/// The description of a product: up to 5,000 characters, may be empty, may have several lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description(String);

impl Description {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 5_000;

    /// Parses it; tab and line ends are the only control characters allowed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let plain = is_plain(text);
        if text.len() > Self::MAX_CHARS && (plain || text.chars().count() > Self::MAX_CHARS) {
            return Err(Invalid::new("must be at most 5000 characters long"));
        }
        if !plain && text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(Invalid::new("must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Folds a text for searching: full case folding (Unicode C + F) and normalisation form KC, which replaces
/// compatibility characters. The domain folds, and not the database, so that searches find the same in every store.
///
/// Stores keep folded text. A change of it needs a migration that folds the stored texts again.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Unicode 3.13, D146: folding may undo normalisation, and normalisation may produce text to fold.
    text.nfd().default_case_fold().nfkd().default_case_fold().nfkc().collect()
}

/// What a name is sorted by: as people do, its case folded, then by code point. Up to 200 characters, for some become many
/// when they are folded, and the indexes of stores have no room for thousands.
pub fn sort_text(name: &str) -> String {
    const MAX_CHARS: usize = 200;
    let mut folded = fold(name);
    if let Some((end, _)) = folded.char_indices().nth(MAX_CHARS) {
        folded.truncate(end);
    }
    folded
}

/// The folded words of a search. A row matches if its search text contains all of them, in any order.
pub fn search_words(query: &str) -> Vec<String> {
    fold(query).split_whitespace().map(str::to_owned).collect()
}

/// The text that a store keeps for searching: all parts, folded, each on its own line. A word contains no line end, so
/// it never matches across two parts.
pub fn search_text(parts: &[&str]) -> String {
    fold(&parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_trimmed_and_its_length_counts_characters() {
        assert_eq!(line("  Ærøskøbing ", 10).unwrap(), "Ærøskøbing");
        assert!(line("ærøskøbing!", 10).is_err());
        assert!(line(" \t ", 10).is_err());
        assert!(line("a\0b", 10).is_err());
        assert!(line("a\r\nb", 10).is_err());
        assert!(line("a\x7fb", 10).is_err());
        assert_eq!(line("ten ascii!", 10).unwrap(), "ten ascii!");
        assert!(line("eleven char", 10).is_err());
    }

    #[test]
    fn line_needs_a_visible_character() {
        for good in ["é", "…", "\u{200b}a", "\u{928}\u{940}", "👩\u{200d}🌾", "٣", "€"] {
            assert!(line(good, 10).is_ok(), "{good:?}");
        }
        for bad in [
            "\u{200b}",
            "\u{feff}\u{200d}",
            "\u{2060}",
            "\u{202e}",
            "\u{301}",
            "\u{fe0f}",
            "\u{ad}",
            "\u{3164}",
            "\u{2800}",
        ] {
            assert!(line(bad, 10).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn description_may_have_lines_but_no_nul() {
        assert!(Description::parse("").is_ok());
        assert!(Description::parse("one\ntwo\tthree").is_ok());
        assert!(Description::parse("a\0b").is_err());
        assert!(Description::parse(&"é".repeat(5_000)).is_ok());
        assert!(Description::parse(&"é".repeat(5_001)).is_err());
        assert!(Description::parse(&"e".repeat(5_000)).is_ok());
        assert!(Description::parse(&"e".repeat(5_001)).is_err());
    }

    #[test]
    fn search_folds_case() {
        assert_eq!(search_text(&["RED Mug", "X-1"]), "red mug\nx-1");
    }

    #[test]
    fn folding_is_full_and_replaces_compatibility_characters() {
        for (text, folded) in [
            ("Ærø", "ærø"),
            ("ΜΑΥΡΟΣ", "μαυροσ"),
            ("μαυρος", "μαυροσ"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("ﬁne", "fine"),
            ("Ｃａｆé №5", "café no5"),
            ("cafe\u{301}", "café"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        assert!(fold("ΜΑΥΡΟΣΚΥΛΟΣ").contains(&fold("ΜΑΥΡΟΣ")));
    }

    #[test]
    fn names_are_sorted_by_their_folded_characters() {
        assert_eq!(sort_text("ÆRØ Straße"), "ærø strasse");
        // One character that is folded to eighteen.
        let long = sort_text(&"\u{fdfa}".repeat(200));
        assert_eq!(long.chars().count(), 200);
        assert_eq!(sort_text(&long), long);
    }

    #[test]
    fn search_words_are_split_at_white_space() {
        assert_eq!(search_words("  RED\u{a0}Mug\u{3000}"), ["red", "mug"]);
        assert!(search_words(" \u{a0} ").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in ".*") {
            proptest::prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
