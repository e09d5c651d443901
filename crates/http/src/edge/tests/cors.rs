//! Tests of CORS.

use actix_web::{http::Method, test::TestRequest};

use super::{get, odd};
use crate::testing::{Answer, Mocks, ask_with, state_for_tests};

async fn preflight(origin: &str) -> Answer {
    let request = TestRequest::with_uri("/api/v1/things/1")
        .method(Method::OPTIONS)
        .insert_header(("origin", origin.to_owned()))
        .insert_header(("access-control-request-method", "PATCH"));
    ask_with(&state_for_tests(), odd, request).await
}

#[actix_web::test]
async fn allowed_origin_may_send_requests() {
    let answer = preflight("https://shop.example").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    for name in ["Idempotency-Key", "traceparent", "tracestate", "baggage", "x-requested-with"] {
        assert!(answer.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert_eq!(answer.header("access-control-max-age"), "3600");
    assert!(answer.headers.get_all("vary").any(|vary| vary == "Origin"));

    let request = get("/nowhere").insert_header(("origin", "https://shop.example"));
    let answer = ask_with(&state_for_tests(), odd, request).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://shop.example", "errors too");
    assert!(answer.header("access-control-expose-headers").contains("ETag"));
}

#[actix_web::test]
async fn other_origins_may_not_send_requests() {
    for origin in ["https://evil.example", "https://shop.example.evil", "http://shop.example", "null", ""] {
        let answer = preflight(origin).await;
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{origin}");
        assert_eq!(answer.header("allow"), "GET, HEAD, PATCH, DELETE, OPTIONS", "it is a plain OPTIONS");
        assert_eq!(answer.header("vary"), "Origin");
    }
}

#[actix_web::test]
async fn no_cors_headers_without_allowed_origins() {
    let mut mocks = Mocks::default();
    mocks.settings.allowed_origins.clear();
    let request = get("/nowhere").insert_header(("origin", "https://shop.example"));
    let answer = ask_with(&mocks.state(), odd, request).await;
    assert!(!answer.headers.contains_key("vary"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
