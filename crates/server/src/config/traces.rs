//! Where traces are sent. The names of the settings are those of OpenTelemetry.

use percent_encoding::percent_decode_str;

/// The base address of a collector.
pub(super) fn endpoint(text: &str) -> Result<Option<String>, String> {
    let bad = || "must be the base address of a collector, like http://localhost:4318".to_owned();
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).ok_or_else(bad)?;
    let host = rest.split('/').next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@');
    if host.is_empty() || host.starts_with(':') || !rest.chars().all(is_plain) {
        return Err(bad());
    }
    Ok(Some(text.to_owned()))
}

/// A header, `name=value`; the value may be percent-encoded (W3C Baggage). Neither is shown in an error.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let bad = || "must be headers like authorization=Bearer%20abc with commas between".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(bad)?;
    let (name, value) = (name.trim(), percent_decode_str(value.trim()).decode_utf8().map_err(|_| bad())?);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let is_value = !value.is_empty() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_name && is_value { Ok((name.to_ascii_lowercase(), value.into_owned())) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collector_has_a_plain_address() {
        for good in ["http://localhost:4318", "https://otlp.example/base/", "http://[::1]:4318"] {
            assert_eq!(endpoint(good).unwrap().unwrap(), good);
        }
        for bad in
            ["localhost:4318", "grpc://x", "http://", "http:///x", "http://a b", "http://me:hush@a", "http://a?b"]
        {
            let why = endpoint(bad).unwrap_err();
            assert!(!why.contains("hush"), "{bad}");
        }
    }

    #[test]
    fn header_may_be_encoded() {
        assert_eq!(header("Authorization=Bearer%20a=b").unwrap(), ("authorization".into(), "Bearer a=b".into()));
        for bad in ["authorization", "=a", "a=", "a b=c", "a=%0d%0ab", "a=%ff"] {
            assert!(header(bad).is_err(), "{bad}");
        }
    }
}
