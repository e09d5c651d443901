//! What every answer tells browsers to refrain from, as helmet does.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// What pages of this server may load: their own files. As helmet has it but for `upgrade-insecure-requests`, which
/// would send the documentation page of a server without TLS looking for its files over TLS.
const POLICY: &str = "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';\
    frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';\
    style-src 'self' https: 'unsafe-inline'";

static HEADERS: [(HeaderName, HeaderValue); 12] = [
    header("content-security-policy", POLICY),
    header("cross-origin-opener-policy", "same-origin"),
    header("cross-origin-resource-policy", "same-origin"),
    header("origin-agent-cluster", "?1"),
    header("referrer-policy", "no-referrer"),
    header("strict-transport-security", "max-age=31536000; includeSubDomains"),
    header("x-content-type-options", "nosniff"),
    header("x-dns-prefetch-control", "off"),
    header("x-download-options", "noopen"),
    header("x-frame-options", "SAMEORIGIN"),
    header("x-permitted-cross-domain-policies", "none"),
    header("x-xss-protection", "0"),
];

const fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// Puts them on an answer.
pub(super) fn apply(headers: &mut HeaderMap) {
    for (name, value) in &HEADERS {
        headers.insert(name.clone(), value.clone());
    }
}
