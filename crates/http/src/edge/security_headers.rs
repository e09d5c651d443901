//! The security headers of every response, as helmet sends them.

use actix_web::http::header::{HeaderName, HeaderValue};

/// The maximum number of headers.
pub(super) const MAX: usize = ALWAYS.len() + OVER_TLS.len();

/// The content security policy. Over TLS it is helmet's whole policy. Without TLS it lacks `upgrade-insecure-requests`,
/// because browsers would request the files of the documentation over TLS.
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

static WITHOUT_TLS: [(HeaderName, HeaderValue); 1] = [header("content-security-policy", policy!())];

static ALWAYS: [(HeaderName, HeaderValue); 10] = [
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

/// The headers of a response. `secure` says whether it is sent over TLS all the way to the client, as far as is known.
pub(super) fn all(secure: bool) -> impl Iterator<Item = &'static (HeaderName, HeaderValue)> {
    let policy = if secure { OVER_TLS.as_slice() } else { &WITHOUT_TLS };
    ALWAYS.iter().chain(policy)
}
