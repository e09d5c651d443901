//! Whether a client prefers a problem document (RFC 9457) to the envelope.

use actix_web::http::header::{ACCEPT, HeaderMap};

/// Whether `Accept` names `application/problem+json` and does not prefer `application/json` to it (RFC 9110 12.5.1).
pub(crate) fn wants_problem(headers: &HeaderMap) -> bool {
    let sent = || headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let Some(problem) = quality(sent(), &["application/problem+json"]) else { return false };
    let json = quality(sent(), &["application/json"]).or_else(|| quality(sent(), &["application/*", "*/*"]));
    problem > 0 && json.is_none_or(|json| problem >= json)
}

/// The greatest weight, in thousandths, of the ranges that are one of `wanted`.
fn quality<'a>(ranges: impl Iterator<Item = &'a str>, wanted: &[&str]) -> Option<u16> {
    ranges
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next()?;
            wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)).then(|| weight(parts))
        })
        .max()
}

/// The weight among the parameters of a range, in thousandths (RFC 9110 12.4.2): 1,000 without one, 0 if it is malformed.
pub(crate) fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let sent = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then_some(value.trim())
    });
    sent.map_or(Some(1_000), thousandths).unwrap_or(0)
}

/// `0.35` as 350; at most three digits after the point, and at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = rest.bytes().chain(*b"000").take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn wants(accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        wants_problem(&headers)
    }

    #[test]
    fn problem_document_must_be_named_and_preferred() {
        for yes in [
            "application/problem+json",
            "Application/Problem+JSON; q=0.5",
            "application/problem+json, application/json",
            "application/json;q=0.9, application/problem+json",
            "application/problem+json, */*;q=0.1",
            "text/html, application/problem+json;q=0.1",
        ] {
            assert!(wants(yes), "{yes}");
        }
        for no in [
            "*/*",
            "application/*",
            "application/json",
            "application/problem+json;q=0",
            "application/problem+json;q=0.5, application/json",
            "application/problem+json;q=0.5, */*",
            "application/problem+json;q=x",
            "application/problem+xml",
            "",
        ] {
            assert!(!wants(no), "{no}");
        }
        assert!(!wants_problem(&HeaderMap::new()));
    }
}
