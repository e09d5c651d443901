//! Tests of security headers.

use actix_web::test::TestRequest;

use super::{get, odd};
use crate::testing::{Mocks, ask_with};

/// The headers of helmet 8.
const HELMET: [(&str, &str); 12] = [
    (
        "content-security-policy",
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';\
         img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';\
         style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

/// The headers of [`HELMET`] in a response.
async fn told(tls: bool, request: TestRequest) -> Vec<(&'static str, String)> {
    let mut mocks = Mocks::default();
    mocks.settings.tls = tls;
    let answer = ask_with(&mocks.state(), odd, request).await;
    assert!(!answer.headers.contains_key("x-powered-by") && !answer.headers.contains_key("server"));
    for (name, _) in HELMET {
        assert!(answer.headers.get_all(name).count() <= 1, "{name}");
    }
    let header = |(name, _)| Some((name, answer.headers.get(name)?.to_str().unwrap().to_owned()));
    HELMET.into_iter().filter_map(header).collect()
}

#[actix_web::test]
async fn over_tls_they_are_those_of_helmet() {
    let helmet: Vec<_> = HELMET.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    for path in ["/health/live", "/nowhere", "/api/v1/odd/panic", "/docs/", "/api/v1/things/1"] {
        assert_eq!(told(true, get(path)).await, helmet, "{path}");
    }
    let behind =
        |peer: &str| get("/docs/").peer_addr(peer.parse().unwrap()).insert_header(("x-forwarded-proto", "https"));
    assert_eq!(told(false, behind("10.0.0.1:5000")).await, helmet);
    assert!(told(false, behind("203.0.113.9:5000")).await.len() < helmet.len(), "anybody can say that");
}

#[actix_web::test]
async fn without_tls_nothing_is_said_of_it() {
    let without: Vec<_> = HELMET
        .into_iter()
        .filter(|(name, _)| *name != "strict-transport-security")
        .map(|(name, value)| (name, value.replace(";upgrade-insecure-requests", "")))
        .collect();
    for path in ["/health/live", "/nowhere", "/api/v1/odd/panic", "/docs/", "/api/v1/things/1"] {
        assert_eq!(told(false, get(path)).await, without, "{path}");
    }
}
