//! Random bytes as digits and letters.

use zeroize::Zeroizing;

/// Only digits and letters, so that a double click selects a whole token, and it fits into any header, file or URL.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The number of base-62 digits that encode 32 bytes.
pub(crate) const DIGITS: usize = 43;

/// Appends 32 bytes as 43 digits and letters, the least significant digit first.
pub(crate) fn push(text: &mut Zeroizing<String>, bytes: [u8; 32]) {
    let mut number = Zeroizing::new(bytes);
    for _ in 0..DIGITS {
        // Divide the number by 62; the remainder is the next digit.
        let mut rest: u32 = 0;
        for byte in number.iter_mut() {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            rest = value % 62;
        }
        let digit = usize::try_from(rest).ok().and_then(|rest| ALPHABET.get(rest));
        text.push(char::from(digit.copied().unwrap_or_default()));
    }
}

/// Returns whether a text has the form of such bytes.
pub(crate) fn is_of_32_bytes(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
