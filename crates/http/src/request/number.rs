//! Numbers as they are written.
//!
//! `1.0`, `1e2` and `-0` are whole numbers (JSON Schema 6.3.1, RFC 8259 6), but whoever reads JSON into floats cannot tell
//! them from `1.00000000000000000001`, and knows `1e400` not at all. So they are looked at as they are written.

use std::borrow::Cow;

/// Stands for a whole number of which no field can bear so much: more than an `i64`, and still an integer to a reader.
const TOO_MUCH: &[u8] = b"18446744073709551615";

/// Stands for every number that is not whole: which one does not matter.
const BROKEN: &[u8] = b"0.5";

/// The same JSON, in which whole numbers are written as integers and all others as a float of no account. What is no
/// JSON stays none.
pub(super) fn plainly(json: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => text_length(rest),
            b'-' | b'0'..=b'9' => rest.iter().take_while(|byte| is_of_number(**byte)).count(),
            _ => 1,
        };
        let (token, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        plain.extend_from_slice(&number(token));
        rest = behind;
    }
    plain
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// How long a text is, with both its quotes.
fn text_length(json: &[u8]) -> usize {
    let mut escaped = false;
    let inside = json.iter().skip(1).take_while(|byte| {
        let goes_on = escaped || **byte != b'"';
        escaped = !escaped && **byte == b'\\';
        goes_on
    });
    inside.count() + 2
}

/// A number as a whole one, if it is one; any other token as it is.
fn number(token: &[u8]) -> Cow<'_, [u8]> {
    let written = std::str::from_utf8(token).ok().and_then(Written::read);
    let Some(Written { negative, digits, exponent }) = written else { return token.into() };
    let significant = digits.trim_start_matches('0');
    let whole = significant.trim_end_matches('0');
    let zeros = exponent.saturating_add(i64::try_from(significant.len() - whole.len()).unwrap_or(i64::MAX));
    if whole.is_empty() {
        return b"0".into();
    }
    let Ok(zeros) = usize::try_from(zeros) else { return BROKEN.into() };
    if whole.len().saturating_add(zeros) > TOO_MUCH.len() {
        return TOO_MUCH.into();
    }
    let text = format!("{}{whole}{}", if negative { "-" } else { "" }, "0".repeat(zeros));
    if text.parse::<i64>().is_ok() { text.into_bytes().into() } else { TOO_MUCH.into() }
}

/// A number in the grammar of RFC 8259 6: all digits, and where the point is when the exponent is counted in.
struct Written {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
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
        // More than can be counted is as much as can be.
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

    fn plain(json: &str) -> String {
        String::from_utf8(plainly(json.as_bytes())).unwrap()
    }

    #[test]
    fn whole_numbers_are_integers_however_they_are_written() {
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
            assert_eq!(plain(written), expected, "{written}");
        }
    }

    #[test]
    fn nothing_is_rounded() {
        for written in ["1.5", "1e-1", "1.00000000000000000000000000001", "1e-999999999999999999999", "0.1e0"] {
            assert_eq!(plain(written), "0.5", "{written}");
        }
        for written in ["1e400", "-1e400", "9223372036854775808", "1e99999999999999999999999", &"9".repeat(10_000)] {
            assert_eq!(plain(written), "18446744073709551615", "{written:.40}");
        }
    }

    #[test]
    fn texts_and_what_is_no_number_stay() {
        for same in
            ["\"1.0\"", r#"{"a\"1.0":"\\","b":"1e2"}"#, "01.0", "1.", ".5", "1e", "--1", "1.0.0", "\"1.0", "\"\\"]
        {
            assert_eq!(plain(same), same);
        }
    }

    proptest! {
        #[test]
        fn a_point_moves_as_far_as_the_exponent_says(number: i64, places in 0_usize..30) {
            let (sign, digits) = if number < 0 { ("-", number.unsigned_abs()) } else { ("", number.unsigned_abs()) };
            let expected = number.to_string();
            prop_assert_eq!(plain(&format!("{number}.{}", "0".repeat(places + 1))), expected.as_str());
            prop_assert_eq!(plain(&format!("{number}{}e-{places}", "0".repeat(places))), expected.as_str());
            let padded = format!("{digits:0>40}");
            let (integer, fraction) = padded.split_at(40 - places.max(1));
            let integer = integer.trim_start_matches('0');
            let integer = if integer.is_empty() { "0" } else { integer };
            prop_assert_eq!(plain(&format!("{sign}{integer}.{fraction}E+{}", fraction.len())), expected);
        }

        #[test]
        fn other_json_is_the_same_json(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let read = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
            prop_assert_eq!(read(&bytes), read(&plainly(&bytes)));
        }
    }
}
