//! Normalises the numbers of a JSON text.
//!
//! `1.0`, `1e2` and `-0` are whole numbers (JSON Schema 6.3.1, RFC 8259 6), but a parser that reads them as floats cannot
//! distinguish them from `1.00000000000000000001`, and refuses `1e400`. So this works on the text.

use std::borrow::Cow;

/// Replaces whole numbers beyond `i64`, which no field takes: an integer to the parser, and out of range.
const OUT_OF_RANGE: &[u8] = b"18446744073709551615";

/// Replaces every number that is not whole.
const FRACTION: &[u8] = b"0.5";

/// Writes whole numbers as integers, and all others as one float. Invalid JSON stays invalid.
pub(super) fn normalise(json: &[u8]) -> Vec<u8> {
    let mut normalised = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => rest.iter().take_while(|byte| is_of_number(**byte)).count(),
            _ => 1,
        };
        let (token, remaining) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        normalised.extend_from_slice(&number(token));
        rest = remaining;
    }
    normalised
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// The length of the string at the start, with its quotes.
fn string_length(json: &[u8]) -> usize {
    let mut escaped = false;
    let inside = json.iter().skip(1).take_while(|byte| {
        let continues = escaped || **byte != b'"';
        escaped = !escaped && **byte == b'\\';
        continues
    });
    inside.count() + 2
}

/// Normalises a token that is a number; any other stays as it is.
fn number(token: &[u8]) -> Cow<'_, [u8]> {
    let literal = std::str::from_utf8(token).ok().and_then(Literal::parse);
    let Some(Literal { negative, digits, exponent }) = literal else { return token.into() };
    let significant = digits.trim_start_matches('0');
    let whole = significant.trim_end_matches('0');
    let zeros = exponent.saturating_add(i64::try_from(significant.len() - whole.len()).unwrap_or(i64::MAX));
    if whole.is_empty() {
        return b"0".into();
    }
    let Ok(zeros) = usize::try_from(zeros) else { return FRACTION.into() };
    if whole.len().saturating_add(zeros) > OUT_OF_RANGE.len() {
        return OUT_OF_RANGE.into();
    }
    let text = format!("{}{whole}{}", if negative { "-" } else { "" }, "0".repeat(zeros));
    if text.parse::<i64>().is_ok() { text.into_bytes().into() } else { OUT_OF_RANGE.into() }
}

/// A number in the grammar of RFC 8259 6: all its digits, and the power of ten of the last.
struct Literal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Literal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
        let (integer, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(i, f)| (i, Some(f)));
        let power = exponent.map(|power| power.strip_prefix(['+', '-']).unwrap_or(power));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if ![Some(integer), fraction, power].into_iter().flatten().all(are_digits)
            || (integer.len() > 1 && integer.starts_with('0'))
        {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        // Saturates.
        let power = power.map_or(0, |power| power.parse().unwrap_or(i64::MAX));
        let power = if exponent.is_some_and(|power| power.starts_with('-')) { -power } else { power };
        let exponent = power.saturating_sub(i64::try_from(fraction.len()).ok()?);
        Some(Self { negative, digits: format!("{integer}{fraction}"), exponent })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normalised(json: &str) -> String {
        String::from_utf8(normalise(json.as_bytes())).unwrap()
    }

    #[test]
    fn whole_numbers_become_integers() {
        for (written, expected) in [
            ("1.0", "1"),
            ("1e2", "100"),
            ("1E+2", "100"),
            ("100e-2", "1"),
            ("1.50e1", "15"),
            ("-2.000", "-2"),
            ("-0", "0"),
            ("-0.0e9", "0"),
            ("0e999999999999999999999999", "0"),
            ("9223372036854775807.0", "9223372036854775807"),
            ("-9223372036854775808.0", "-9223372036854775808"),
            ("9007199254740993.0", "9007199254740993"),
            ("{\"a\":1.0,\"b\":[2e0,-3.0]}", "{\"a\":1,\"b\":[2,-3]}"),
        ] {
            assert_eq!(normalised(written), expected, "{written}");
        }
    }

    #[test]
    fn numbers_are_not_rounded() {
        for written in ["1.5", "1e-1", "1.00000000000000000000000000001", "1e-999999999999999999999", "0.1e0"] {
            assert_eq!(normalised(written), "0.5", "{written}");
        }
        for written in ["1e400", "-1e400", "9223372036854775808", "1e99999999999999999999999", &"9".repeat(10_000)] {
            assert_eq!(normalised(written), "18446744073709551615", "{written:.40}");
        }
    }

    #[test]
    fn strings_and_invalid_numbers_are_unchanged() {
        for same in
            ["\"1.0\"", r#"{"a\"1.0":"\\","b":"1e2"}"#, "01.0", "1.", ".5", "1e", "--1", "1.0.0", "\"1.0", "\"\\"]
        {
            assert_eq!(normalised(same), same);
        }
    }

    proptest! {
        #[test]
        fn exponent_moves_the_point(number: i64, places in 0_usize..30) {
            let (sign, digits) = if number < 0 { ("-", number.unsigned_abs()) } else { ("", number.unsigned_abs()) };
            let expected = number.to_string();
            prop_assert_eq!(normalised(&format!("{number}.{}", "0".repeat(places + 1))), expected.as_str());
            prop_assert_eq!(normalised(&format!("{number}{}e-{places}", "0".repeat(places))), expected.as_str());
            let padded = format!("{digits:0>40}");
            let (integer, fraction) = padded.split_at(40 - places.max(1));
            let integer = integer.trim_start_matches('0');
            let integer = if integer.is_empty() { "0" } else { integer };
            prop_assert_eq!(normalised(&format!("{sign}{integer}.{fraction}E+{}", fraction.len())), expected);
        }

        #[test]
        fn validity_is_unchanged(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
            prop_assert_eq!(read(&bytes), read(&normalise(&bytes)));
        }
    }
}
