//! What every answer tells browsers to refrain from, as helmet does.

use std::sync::LazyLock;

use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::BytesMut;

use crate::response::header_line;

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

/// All of them as lines: without TLS, and with it.
static LINES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    [false, true].map(|secure| {
        let mut lines = BytesMut::new();
        of(secure).for_each(|(name, value)| header_line(&mut lines, name, &[value.as_bytes()]));
        lines.to_vec()
    })
});

const fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// Those of an answer; `secure` says that it goes through TLS all the way to the client, as far as is known.
pub(super) fn of(secure: bool) -> impl Iterator<Item = &'static (HeaderName, HeaderValue)> {
    let policy = if secure { OVER_TLS.as_slice() } else { &WITHOUT_TLS };
    ALWAYS.iter().chain(policy)
}

/// The same as lines of HTTP/1.
pub(super) fn lines(secure: bool) -> &'static [u8] {
    let [without, with] = &*LINES;
    if secure { with } else { without }
}
