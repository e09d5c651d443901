//! The texts that lists are searched for.

use entrepot_domain::Invalid;

const MAX_CHARS: usize = 200;

/// Checks the words to look for.
pub fn search_text(words: &str) -> Result<String, Invalid> {
    if words.chars().count() > MAX_CHARS {
        return Err(Invalid::new("must be at most 200 characters long"));
    }
    if words.chars().any(char::is_control) {
        return Err(Invalid::new("must not contain control characters"));
    }
    Ok(words.to_owned())
}
