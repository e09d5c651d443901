//! What every answer tells browsers to refrain from, as helmet does.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// What pages of this server may load: their own files. Over TLS all of helmet's; `upgrade-insecure-requests` would send
/// the documentation page of a server without TLS looking for its files over TLS.
macro_rules! policy {
    () => {
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';\
         img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';\
         style-src 'self' https: 'unsafe-inline'"
    };
}

/// RFC 6797 7.2: never on a connection without TLS.
static OVER_TLS: [(HeaderName, HeaderValue); 2] = [
    header("content-security-policy", concat!(policy!(), ";upgrade-insecure-requests")),
    header("strict-transport-security", "max-age=31536000; includeSubDomains"),
];

static HEADERS: [(HeaderName, HeaderValue); 11] = [
    header("content-security-policy", policy!()),
    header("cross-origin-opener-policy", "same-origin"),
    header("cross-origin-resource-policy", "same-origin"),
    header("origin-agent-cluster", "?1"),
    header("referrer-policy", "no-referrer"),
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

/// Puts them on an answer; `secure` says that it goes through TLS all the way to the client, as far as is known.
pub(super) fn apply(headers: &mut HeaderMap, secure: bool) {
    let over_tls = if secure { OVER_TLS.as_slice() } else { &[] };
    for (name, value) in HEADERS.iter().chain(over_tls) {
        headers.insert(name.clone(), value.clone());
    }
}
