//! Headers that are written anew for every answer.

use actix_web::http::header::HeaderValue;

/// Most headers that are put together are shorter.
const USUAL: usize = 64;

/// The parts as the value of one header, with one copy. Empty if they have what no header may have; what is written
/// here is made of digits, letters and quotes.
pub(crate) fn header_value(parts: &[&str]) -> HeaderValue {
    let mut text = [0; USUAL];
    let mut len = 0;
    for part in parts {
        let Some(room) = text.get_mut(len..len + part.len()) else { return checked(parts.concat().as_bytes()) };
        room.copy_from_slice(part.as_bytes());
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
        let long = "x".repeat(USUAL);
        assert_eq!(header_value(&[&long]), long);
        assert_eq!(header_value(&["a=", &long]), format!("a={long}"));
        assert_eq!(header_value(&["a\r\nb"]), "");
    }
}
