//! Header values that are made for each response.

use actix_web::http::header::HeaderValue;

/// Most values are shorter.
const BUFFER_LENGTH: usize = 64;

/// Joins parts to the value of a header, with one copy. The value is empty if a part has a character that is not allowed;
/// callers pass digits, letters and quotes.
pub(crate) fn header_value(parts: &[&str]) -> HeaderValue {
    let mut text = [0; BUFFER_LENGTH];
    let mut len = 0;
    for part in parts {
        let Some(target) = text.get_mut(len..len + part.len()) else { return checked(parts.concat().as_bytes()) };
        target.copy_from_slice(part.as_bytes());
        len += part.len();
    }
    checked(text.get(..len).unwrap_or_default())
}

fn checked(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_one_value() {
        assert_eq!(header_value(&["a=", "7", ""]), "a=7");
        let long = "x".repeat(BUFFER_LENGTH);
        assert_eq!(header_value(&[&long]), long);
        assert_eq!(header_value(&["a=", &long]), format!("a={long}"));
        assert_eq!(header_value(&["a\r\nb"]), "");
    }
}
